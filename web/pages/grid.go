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
	"github.com/dingdag/dingdag/web/pages/draw"
	"github.com/dingdag/dingdag/web/pages/page"
	"github.com/dingdag/dingdag/web/pages/words"
)

// gridRuns are how many runs a grid may show, the first one without a choice.
var gridRuns = []int{25, 10, 50, 100} //nolint:gochecknoglobals // a constant

// dagHead is what every page about a DAG begins with.
type dagHead = page.DAG

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
	// cellBytes is about what a cell takes as text.
	cellBytes = 256
	// dayWidth is how many columns the name of a day takes.
	dayWidth = 2
)

// GridRows is the table of a grid: a column for each run, a row for each task and group. It is written by hand because a
// template takes many times as long for thousands of cells.
func (v *view) GridRows(dagID string, g *overview.Grid) template.HTML {
	w := &draw.Writer{}
	w.Grow(512*len(g.Columns) + len(g.Nodes)*(512+cellBytes*len(g.Columns)))
	w.Raw(`<table class="grid"><thead><tr><th scope="col"><span class="hidden">`).Text(v.say("grid.task")).Raw(`</span></th>`)
	longest := 0.0
	for _, c := range g.Columns {
		longest = max(longest, v.lasted(&c.Run))
	}
	day, labelled := "", -dayWidth
	links := make([]string, len(g.Columns))
	for i, c := range g.Columns {
		links[i] = template.HTMLEscapeString(v.Link("dags", dagID, "runs", c.RunID))
		state := draw.Known(string(c.State))
		height := 3
		if longest > 0 {
			height = max(3, int(columnHeight*v.lasted(&c.Run)/longest))
		}
		w.Raw(`<th scope="col"><a class="col" href="`, links[i], `" title="`).Text(v.columnTitle(&c.Run, state)).Raw(`"><svg width="`, strconv.Itoa(columnWidth), `" height="`, strconv.Itoa(columnHeight),
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
		w.Raw(`<span class="day" aria-hidden="true">`).Text(label).Raw(`</span><span class="hidden">`).Text(v.columnTitle(&c.Run, state)).Raw(`</span></a></th>`)
	}
	w.Raw("</tr></thead>\n<tbody>")
	for _, n := range g.Nodes {
		v.gridRow(w, dagID, g, &n, links)
	}
	w.Raw(`</tbody></table>`)
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
func (v *view) gridRow(w *draw.Writer, dagID string, g *overview.Grid, n *overview.Node, links []string) {
	w.Raw(`<tr data-row data-in="`).Text(n.Parent).Raw(`"`)
	if n.Group {
		w.Raw(` class="group" data-group="`).Text(n.ID).Raw(`"`)
	}
	w.Raw(`><th scope="row" class="d`, strconv.Itoa(min(n.Depth, 8)), `" title="`).Text(nodeTitle(n)).Raw(`">`)
	switch {
	case n.Group:
		w.Raw(`<button type="button" class="fold" aria-expanded="true" data-fold><span>`).Text(n.Label).Raw(`</span></button>`)
	default:
		w.Raw(`<a href="`).Text(v.Link("dags", dagID, "tasks", n.ID)).Raw(`" data-open>`).Text(n.Label).Raw(`</a>`)
		if n.Mapped {
			w.Raw(` <span class="tag">[ ]</span>`)
		}
	}
	w.Raw(`</th>`)
	for i := range g.Columns {
		cell, ok := g.Columns[i].Cells[n.ID]
		if !ok {
			w.Raw(`<td></td>`)
			continue
		}
		state := draw.Known(cell.State)
		if n.Group {
			w.Raw(`<td><span class="c `, state, `" title="`).Text(v.cellTitle(n, &cell, state)).Raw(`"><i>`, draw.Sign(state), `</i></span></td>`)
			continue
		}
		w.Raw(`<td><a class="c `, state, `" tabindex="-1" href="`, links[i], `/tasks/`).Text(escaped(n.ID)).Raw(`" title="`).Text(v.cellTitle(n, &cell, state)).Raw(`"><i>`, draw.Sign(state), `</i></a></td>`)
	}
	w.Raw("</tr>\n")
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
		title += " · " + v.span(c.EndDate.Sub(c.StartDate))
	}
	if c.Try > 1 {
		title += " · " + v.say("home.try", c.Try)
	}
	return title
}

// Counts are numbers by state, as a text.
func (v *view) Counts(n map[string]int) string {
	return draw.Sum(n, ", ", func(n int, state string) string { return fmt.Sprintf("%d %s", n, v.say(words.Key("state."+state))) })
}
