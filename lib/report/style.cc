#include "report/style.h"

namespace klp::report {

Html style_sheet() {
    return Html::style(R"(
:root {
    color-scheme: light dark;
    --ink: #1d2733; --soft: #5b6775; --paper: #ffffff; --panel: #f5f7f9; --line: #d5dce3; --link: #0b5cad;
    --removed: #fbe9e7; --added: #e6f4ea; --other: #fdf4dc; --error: #a61b1b; --warning: #8a5a00; --good: #1a6b35;
    --mono: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
    :root {
        --ink: #dde4ec; --soft: #97a3b0; --paper: #14191f; --panel: #1c232b; --line: #35404c; --link: #7ab7f2;
        --removed: #4a2523; --added: #1d3d29; --other: #453a1c; --error: #ff8f87; --warning: #e5b454; --good: #7dd399;
    }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 2rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
    font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
h4 { font-size: .9rem; margin: 1rem 0 .25rem; color: var(--soft); }
p { margin: .4rem 0; }
a { color: var(--link); }
.lead { font-size: 1.08rem; max-width: 52rem; }
.status { display: inline-block; border: 2px solid currentColor; border-radius: .3rem; padding: .05rem .6rem;
    font-weight: 600; }
.done { color: var(--good); } .refused { color: var(--error); } .nothing-changed { color: var(--soft); }
nav { margin: 1rem 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; font-size: .92rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.25rem; margin: 1rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
code, pre, .code { font-family: var(--mono); font-size: .86rem; }
pre { margin: .2rem 0 .8rem; padding: .6rem .75rem; background: var(--panel); border: 1px solid var(--line);
    border-radius: .3rem; overflow-x: auto; line-height: 1.4; tab-size: 8; white-space: pre; }
.diff del, .diff ins { display: block; text-decoration: none; margin: 0 -.75rem; padding: 0 .75rem; }
.diff del { background: var(--removed); } .diff ins { background: var(--added); font-weight: 600; }
.place { color: var(--soft); font-size: .86rem; margin: .5rem 0 0; overflow-wrap: anywhere; }
.note { color: var(--soft); }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); }
td { overflow-wrap: break-word; }
.path { overflow-wrap: anywhere; } .name { white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.sign { white-space: nowrap; color: var(--soft); }
.layout { width: 100%; } .layout td { padding-left: .4rem; }
.removed { background: var(--removed); } .added { background: var(--added); } .other { background: var(--other); }
.gap td { color: var(--soft); font-style: italic; }
.hash { font-family: var(--mono); font-size: .76rem; word-break: break-all; }
.finding { border-left: 4px solid var(--line); padding: .15rem 0 .15rem .9rem; margin: .9rem 0; }
.finding.error { border-color: var(--error); } .finding.warning { border-color: var(--warning); }
.finding .weight { font-weight: 600; } .error .weight { color: var(--error); } .warning .weight { color: var(--warning); }
details { border: 1px solid var(--line); border-radius: .35rem; margin: .6rem 0; padding: 0 .9rem; }
summary { cursor: pointer; padding: .5rem 0; overflow-wrap: anywhere; }
summary .name { font-family: var(--mono); font-weight: 600; white-space: normal; }
summary .what { color: var(--soft); margin-left: .6rem; font-size: .92rem; }
.inside { scroll-margin-top: 4.5rem; padding-bottom: .6rem; }
svg { max-width: 100%; height: auto; display: block; margin: .5rem 0; }
svg text { font: 12px var(--mono); fill: var(--ink); }
svg .heading { font: 600 13px system-ui, "DejaVu Sans", sans-serif; }
svg .soft { fill: var(--soft); font-family: system-ui, "DejaVu Sans", sans-serif; }
svg .box { fill: none; stroke: var(--line); }
svg .node { fill: var(--panel); stroke: var(--soft); }
svg .node.change { stroke: var(--ink); stroke-width: 2.5; }
svg .node.new { stroke-dasharray: 5 3; stroke: var(--ink); }
svg .edge { fill: none; stroke: var(--soft); stroke-width: 1.2; }
@media print {
    :root { --ink: #000; --soft: #444; --paper: #fff; --panel: #fff; --line: #999; --link: #000; --removed: #fff;
        --added: #fff; --other: #fff; --error: #000; --warning: #000; --good: #000; }
    body { max-width: none; padding: 0; font-size: 10pt; }
    nav { display: none; }
    pre { white-space: pre-wrap; overflow: visible; overflow-wrap: anywhere; }
    .diff del, .diff ins { break-inside: avoid; }
    details::details-content { content-visibility: visible; block-size: auto; }
    summary { list-style: none; }
    h2, h3, h4, summary, .place { break-after: avoid; }
    tr, .finding { break-inside: avoid; }
}
)");
}

} // namespace klp::report
