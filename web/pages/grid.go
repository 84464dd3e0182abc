package pages

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/words"
)

// gridRuns are how many runs a grid may show, the first one without a choice.
var gridRuns = []int{25, 10, 50, 100} //nolint:gochecknoglobals // a constant

// dagHead is what every page about a DAG begins with.
type dagHead struct {
	*overview.Head

	Operates bool
	// Tab is the page that is shown.
	Tab string
}

// headFor finds the DAG of the path and what is at the top of its page.
func (v *view) headFor(tab string) (*dagHead, error) {
	h, err := v.head()
	if err != nil {
		return nil, err
	}
	v.Nav = "dags"
	return &dagHead{Head: h, Operates: v.operates(h.ID, h.Tags, h.Owners), Tab: tab}, nil
}

// gridData is the grid of a DAG.
type gridData struct {
	Head *dagHead
	Grid *overview.Grid
	// Limit is how many runs it shows at most, Limits are those to choose from.
	Limit  int
	Limits []int
	// State and Type are the filters, empty for all.
	State, Type string
	States      []string
	Types       []string
	Before      string
}

// runTypes are the kinds of runs.
var runTypes = []string{"scheduled", "manual", "backfill", "asset_triggered"} //nolint:gochecknoglobals // a constant

func showGrid(v *view) error {
	h, err := v.headFor("grid")
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	d := gridData{Head: h, Limit: gridRuns[0], Limits: slices.Sorted(slices.Values(gridRuns)), State: q.Get("state"), Type: q.Get("type"), Types: runTypes, Before: q.Get("before")}
	for _, s := range api.RunStates() {
		d.States = append(d.States, string(s))
	}
	if n := q.Get("runs"); n != "" {
		if d.Limit, err = strconv.Atoi(n); err != nil || !slices.Contains(gridRuns, d.Limit) {
			return &refusedError{http.StatusUnprocessableEntity, "error.grid_runs", nil}
		}
	}
	if d.State != "" && overview.UnknownState(d.State) {
		return &refusedError{http.StatusUnprocessableEntity, "error.state", nil}
	}
	if d.Type != "" && !slices.Contains(runTypes, d.Type) {
		return &refusedError{http.StatusUnprocessableEntity, "error.run_type", nil}
	}
	ask := overview.GridQuery{DAGID: h.ID, Type: d.Type, Limit: d.Limit, Before: d.Before}
	if d.State != "" {
		ask.States = []string{d.State}
	}
	if d.Grid, err = v.overview.Grid(v.ctx(), ask); err != nil {
		return err
	}
	v.Title = h.ID
	v.follow(h.ID, "")
	return v.render(http.StatusOK, "grid", d)
}

const (
	columnHeight = 48
	columnWidth  = 16
	// dayWidth is how many columns the name of a day takes.
	dayWidth = 2
)

// GridRows is the table of a grid: a column for each run, a row for each task and group. It is written by hand because a
// template takes many times as long for thousands of cells.
func (v *view) GridRows(dagID string, g *overview.Grid) template.HTML {
	w := &markup{}
	w.raw(`<table class="grid"><thead><tr><th scope="col"><span class="hidden">`).text(v.say("grid.task")).raw(`</span></th>`)
	longest := 0.0
	for _, c := range g.Columns {
		longest = max(longest, v.lasted(&c.Run))
	}
	day, labelled := "", -dayWidth
	links := make([]string, len(g.Columns))
	for i, c := range g.Columns {
		links[i] = template.HTMLEscapeString(v.Link("dags", dagID, "runs", c.RunID))
		state := known(string(c.State))
		height := 3
		if longest > 0 {
			height = max(3, int(columnHeight*v.lasted(&c.Run)/longest))
		}
		w.raw(`<th scope="col"><a class="col" href="`, links[i], `" title="`).text(v.columnTitle(&c.Run, state)).raw(`"><svg width="`, strconv.Itoa(columnWidth), `" height="`, strconv.Itoa(columnHeight),
			`" aria-hidden="true"><rect class="`, state, `" x="1" y="`, strconv.Itoa(columnHeight-height), `" width="`, strconv.Itoa(columnWidth-2), `" height="`, strconv.Itoa(height), `" rx="2"/></svg>`)
		at := c.RunAfter
		if c.LogicalDate != nil {
			at = c.LogicalDate
		}
		label := ""
		if at != nil {
			if d := at.In(v.zone).Format("01-02"); d != day && i-labelled >= dayWidth {
				day, label, labelled = d, d, i
			}
		}
		w.raw(`<span class="day" aria-hidden="true">`).text(label).raw(`</span><span class="hidden">`).text(v.columnTitle(&c.Run, state)).raw(`</span></a></th>`)
	}
	w.raw("</tr></thead>\n<tbody>")
	for _, n := range g.Nodes {
		v.gridRow(w, dagID, g, &n, links)
	}
	w.raw(`</tbody></table>`)
	return template.HTML(w.String()) //nolint:gosec // each part is escaped
}

// columnTitle tells of a run in a line.
func (v *view) columnTitle(r *api.Run, state string) string {
	parts := []string{v.say(words.Key("state." + state)), r.RunID}
	if r.Duration != nil {
		parts = append(parts, v.Took(r.Duration))
	}
	return strings.Join(parts, " · ")
}

// gridRow writes the row of a task or a group.
func (v *view) gridRow(w *markup, dagID string, g *overview.Grid, n *overview.Node, links []string) {
	w.raw(`<tr data-row data-in="`).text(n.Parent).raw(`"`)
	if n.Group {
		w.raw(` class="group" data-group="`).text(n.ID).raw(`"`)
	}
	w.raw(`><th scope="row" class="d`, strconv.Itoa(min(n.Depth, 8)), `" title="`).text(nodeTitle(n)).raw(`">`)
	switch {
	case n.Group:
		w.raw(`<button type="button" class="fold" aria-expanded="true" data-fold><span>`).text(n.Label).raw(`</span></button>`)
	default:
		w.raw(`<a href="`).text(v.Link("dags", dagID, "tasks", n.ID)).raw(`" data-open>`).text(n.Label).raw(`</a>`)
		if n.Mapped {
			w.raw(` <span class="tag">[ ]</span>`)
		}
	}
	w.raw(`</th>`)
	for i := range g.Columns {
		cell, ok := g.Columns[i].Cells[n.ID]
		if !ok {
			w.raw(`<td></td>`)
			continue
		}
		state := known(cell.State)
		if n.Group {
			w.raw(`<td><span class="c `, state, `" title="`).text(v.cellTitle(n, &cell, state)).raw(`"><i>`, signs[state], `</i></span></td>`)
			continue
		}
		w.raw(`<td><a class="c `, state, `" tabindex="-1" href="`, links[i], `/tasks/`).text(escaped(n.ID)).raw(`" title="`).text(v.cellTitle(n, &cell, state)).raw(`"><i>`, signs[state], `</i></a></td>`)
	}
	w.raw("</tr>\n")
}

func nodeTitle(n *overview.Node) string {
	if n.Tooltip != "" {
		return n.Tooltip
	}
	return n.ID
}

// cellTitle tells of a task in a run in a line.
func (v *view) cellTitle(n *overview.Node, c *overview.Cell, state string) string {
	title := n.ID + " · " + v.say(words.Key("state."+state))
	if len(c.Instances) > 0 {
		title = n.ID + " · " + v.Counts(c.Instances)
	}
	if !c.StartDate.IsZero() && c.EndDate.After(c.StartDate) {
		title += " · " + duration(c.EndDate.Sub(c.StartDate))
	}
	if c.Try > 1 {
		title += " · " + v.say("home.try", c.Try)
	}
	return title
}

// order is that of states in a sum: what is wrong first.
var order = []string{ //nolint:gochecknoglobals // a constant
	"failed", "upstream_failed", "up_for_retry", "restarting", "running", "deferred", "up_for_reschedule", "queued", "scheduled", "success", "skipped", "removed", "none",
}

// Counts are numbers by state, as a text.
func (v *view) Counts(n map[string]int) string {
	var parts []string
	for _, s := range order {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], v.say(words.Key("state."+s))))
		}
	}
	return strings.Join(parts, ", ")
}

// markup is written piece by piece.
type markup struct{ strings.Builder }

// raw writes what is ours or escaped already.
func (m *markup) raw(parts ...string) *markup {
	for _, p := range parts {
		_, _ = m.WriteString(p) // a builder takes everything
	}
	return m
}

// text writes anybody's text.
func (m *markup) text(s string) *markup {
	if strings.ContainsAny(s, `&<>"'`+"\x00") {
		s = template.HTMLEscapeString(s)
	}
	_, _ = m.WriteString(s)
	return m
}
