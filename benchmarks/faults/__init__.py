"""The fate of runs and models when processes are killed, disks are full, folders read-only, clocks set back.

    python -m benchmarks.faults [--training 50] [--batch 20] [--save 25] [--seed 1]

Makes its own films and models in a folder of its own, prints what was done and counted, and ends with a table; exit
status 1 where anything was lost. Needs what `requirements-dev.lock` names.
"""
