"""Measurements of cost and robustness: each module is a command, `python -m benchmarks.<module> --help`.

    one_xray     one X-ray stage by stage, beside the bare forward pass
    engines      one X-ray beside other engines, and what else could be chosen
    batch        films a second from files to scores, beside what its parts allow; as a batch grows
    decoding     what it costs that films are decoded in processes of their own
    threshold    a move of the threshold over 10,000 films
    imports      what each page imports
    cold_start   server start to page, to model, to first result; memory at idle
    load         many people at once, and thousands of films one after the other
    robustness   13 corruptions (`corruptions`), mirror, margins alone, shapes
    cluster      an archive on a cluster of one machine
    train        steps a second of training
    input_gate   what the input gate refuses
    quality      what films are warned of (`quality_fit` fits its regression)
    faults       killed processes, full disks, clocks set back

    record       what was found, beside machine, versions and model: `docs/benchmarks/*.json`
    timing       several ways to do something, timed in turns
    tables       writes the figures of the documents from records and the model's card
    pictures     makes the documents' pictures of the app anew

`python -m benchmarks` runs those that take minutes, one after the other, and writes the documents.
"""
