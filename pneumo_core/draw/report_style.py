"""How every report looks that is written as a page: nothing is fetched for it."""

REPORT_STYLE = """body { font: 15px/1.5 system-ui, sans-serif; color: #1f2937; background: #fff; max-width: 72rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 1.6rem; }
.notice { border: 1px solid #92400e; background: #fffbeb; color: #78350f; padding: .6rem .9rem; }
table { border-collapse: collapse; width: 100%; }
td, th { border-bottom: 1px solid #d1d5db; padding: .3rem .5rem; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }
figure { margin: 0; }"""
