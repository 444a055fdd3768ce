"""`report.py RESULTS DOCS`: the figures of a run as `DOCS/performance.md` and `DOCS/bench.svg`."""

import json
import sys
from pathlib import Path

import pygal
from pygal.style import Style

ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
COLORS = ("#0f766e", "#b45309", "#64748b", "#ca8a04")

TEXT = """# Performance

`make bench-peers` measures Backstay beside the same small tracker written with other frameworks; this page is what it wrote last,
on {cores} cores that the load generator shares with the servers.
`make bench` measures Backstay alone, against a bare reply of the same bytes.

![Requests a second]({chart})

{tables}
## What is measured

A table of 100,000 items of 100 owners with 200,000 notes. Every request carries the token of an owner, which each server verifies,
and sees only that owner's rows. Before anything is measured, each peer has to answer as Backstay does: the same status, rows, names and values.

| Scenario | Connections | What is asked |
|---|---:|---|
| read by key | 32 | one item by its id |
| list of 25 | 32 | the owner's newest open items |
| the same list with two embeds | 32 | these items, each with its owner's name and its notes |
| single insert, update by key | 64 | one row; the answer comes after the commit is on disk |
| bulk insert | 2 | 1,000 rows in one request |
| mixed | 64 | nine reads to one write |

The peers are in `bench/peers/`, each as one writes it with that framework, in settings of production: two worker processes, with eight threads each under gunicorn,
connections that stay open or a pool of them, WAL and `synchronous = full` on SQLite, no debugging, no logs of requests.
Node's statements are prepared once. Backstay runs as `backstay serve` does without settings; its commits are as durable.
On PostgreSQL all use one server in the settings of Debian's package, each with a database of its own, and Backstay lets PostgreSQL enforce the policies, those of embedded tables too, where the peers' own queries filter the items alone.

Each figure is the best of {rounds} runs of {seconds:g} seconds; all servers of one database run at the same time, and each scenario goes through them in turn.
Figures of other machines differ.
"""


def table(name, results):
    peers = [one["name"] for one in results["memory"]]
    lines = [f"## On {name}", "", "Requests a second, and in brackets the time within which 99 of 100 were answered.", ""]
    lines.append("| Scenario | " + " | ".join(peers) + " |")
    lines.append("|---|" + "---:|" * len(peers))
    for row in results["scenarios"]:
        cells = [f"{one['rate']:,.0f} ({one['p99_ms']:,.1f} ms)" + refused(one) for one in row["measured"]]
        lines.append(f"| {row['scenario']} | " + " | ".join(cells) + " |")
    cells = [f"{one['mib']:,.0f} MiB" for one in results["memory"]]
    lines.append("| memory afterwards | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def refused(one):
    return f", {one['refused']:,} refused" if one["refused"] else ""


def chart(results):
    """Bars in percent of Backstay's rate, since the scenarios differ by orders of magnitude."""
    style = Style(
        colors=COLORS, background="white", plot_background="white", opacity="1", value_label_font_size=10,
        font_family="system-ui, sans-serif", label_font_size=11, legend_font_size=12, title_font_size=15,
    )
    bars = pygal.HorizontalBar(
        style=style, js=[], truncate_legend=-1, truncate_label=-1, legend_at_bottom=True, print_labels=True,
        width=900, height=1100, spacing=14, disable_xml_declaration=True, value_formatter=lambda x: f"{x:.0f} %",
        title="Requests a second, as labelled, in percent of Backstay's",
    )
    rows = [(engine, row) for engine in reversed(ENGINES) for row in reversed(results[engine]["scenarios"])]
    bars.x_labels = [f"{row['scenario']} · {ENGINES[engine]}" for engine, row in rows]
    for place, one in enumerate(results["sqlite"]["memory"]):
        rates = [(row["measured"][place]["rate"], row["measured"][0]["rate"]) for _, row in rows]
        bars.add(one["name"], [{"value": 100 * rate / ours, "label": f"{rate:,.0f}"} for rate, ours in rates])
    return bars.render(is_unicode=True)


results, docs = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
(docs / "bench.svg").write_text(chart(results) + "\n")
tables = "\n".join(table(name, results[engine]) for engine, name in ENGINES.items())
text = TEXT.format(cores=results["cores"], seconds=results["seconds"], rounds=results["rounds"], chart="bench.svg", tables=tables)
(docs / "performance.md").write_text(text)
