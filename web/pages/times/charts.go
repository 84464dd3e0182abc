package times

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/chart"
	"github.com/dingdag/dingdag/web/pages/draw"
	"github.com/dingdag/dingdag/web/pages/page"
	"github.com/dingdag/dingdag/web/pages/words"
)

const (
	// mostCells bounds how many states of tasks are read for a chart.
	mostCells = 10_000
	// mostSlow is how many tasks are listed by how long they take.
	mostSlow = 50
	// durationMarks is how many marks the axis of durations has, about; dateMarks those of the runs.
	durationMarks = 5
	dateMarks     = 6
)

// chartRuns are how many runs a chart may have, the first one without a choice.
var chartRuns = []int{50, 25, 100, 200} //nolint:gochecknoglobals // a constant

// chartKind is what a chart shows of each run or task.
type chartKind struct {
	tab         string
	title, help words.Key
	// value is how long it is for something that began and ended, in a run.
	value func(r *api.Run, start, end time.Time) time.Duration
}

// durations are from the start to the end, landing times from when the run was due to the end.
var (
	durations = chartKind{"durations", "durations.title", "durations.help", func(_ *api.Run, start, end time.Time) time.Duration { return end.Sub(start) }} //nolint:gochecknoglobals // a constant
	landings  = chartKind{"landing", "landing.title", "landing.help", func(r *api.Run, _, end time.Time) time.Duration {                                    //nolint:gochecknoglobals // a constant
		due := r.IntervalEnd
		if due == nil {
			due = r.RunAfter
		}
		if due == nil {
			return 0
		}
		return end.Sub(*due)
	}}
)

// chartData is how long runs, or a task in them, took.
type chartData struct {
	Head  *page.DAG
	Title string
	Help  string
	Limit int
	// Limits are how many runs there may be, Tasks the ids of the tasks, Task the one that is shown, empty for the runs.
	Limits []int
	Tasks  []string
	Task   string
	Points []chartPoint
	// summary is over what has ended.
	summary
	SVG draw.Markup
	// Slow are the tasks that took longest in the newest runs, Of how many there are, Told in how many runs.
	Slow     []slowTask
	Of, Told int
}

// chartPoint is a run, or a task in it.
type chartPoint struct {
	Run   api.Run
	State string
	// Value is how long it took; it means nothing unless Known.
	Value time.Duration
	Known bool
	Text  string
	Link  string
}

// slowTask is a task with how long it took in the runs that are shown.
type slowTask struct {
	ID    string
	Times int
	summary
}

// summary is what some durations have in the middle, what 95 percent of them stay within, and the longest.
type summary struct {
	Median, Most, Longest string
	median                time.Duration
}

// showChart shows what a chart is of.
func (t *Times) showChart(kind chartKind) page.Handler {
	return func(r page.Request) error { return t.chart(kind, r) }
}

func (t *Times) chart(kind chartKind, r page.Request) error {
	h, err := r.DAG(kind.tab)
	if err != nil {
		return err
	}
	q := r.HTTP().URL.Query()
	d := chartData{Head: h, Title: r.Say(kind.title), Help: r.Say(kind.help), Limit: chartRuns[0], Limits: slices.Sorted(slices.Values(chartRuns)), Task: q.Get("task")}
	if n := q.Get("runs"); n != "" {
		if d.Limit, err = strconv.Atoi(n); err != nil || !slices.Contains(chartRuns, d.Limit) {
			return page.Wrong("error.chart_runs")
		}
	}
	found, err := t.o.Overview(r.HTTP().Context()).Times(r.HTTP().Context(), overview.TimesQuery{DAGID: h.ID, Task: d.Task, Runs: d.Limit, Cells: mostCells})
	if err != nil {
		return err
	}
	d.Tasks, d.Told = found.Tasks, found.Told
	if d.Task != "" && !slices.Contains(d.Tasks, d.Task) {
		return &page.RefusedError{Status: http.StatusNotFound, Text: "error.task"}
	}
	for i := range found.Runs {
		d.Points = append(d.Points, pointOf(r, kind, h.ID, d.Task, found, i))
	}
	d.summary = summed(r, valuesOf(d.Points))
	d.SVG = chartSVG(r, &d)
	if d.Task == "" {
		d.slowest(r, kind, found)
	}
	return r.Show(page.Head{Name: "times_chart", Nav: "dags", Title: d.Title + " · " + h.ID, Live: true, DAGID: h.ID}, d)
}

// pointOf is a run, or a task in it.
func pointOf(r page.Request, kind chartKind, dagID, task string, t *overview.Times, i int) chartPoint {
	run := &t.Runs[i]
	p := chartPoint{Run: *run, State: draw.Known(string(run.State)), Link: r.Link("dags", dagID, "runs", run.RunID)}
	if task == "" {
		if run.StartDate != nil && run.EndDate != nil {
			p.Value, p.Known = kind.value(run, *run.StartDate, *run.EndDate), true
		}
	} else {
		p.State, p.Link = draw.Known(""), r.TaskLink(dagID, run.RunID, task, -1)
		for _, c := range t.Cells[task] {
			if c.Run == i {
				p.State = draw.Known(c.State)
				p.Value, p.Known = took(kind, run, &c.Cell)
			}
		}
	}
	if p.Known {
		p.Text = r.Span(p.Value)
	}
	return p
}

// took is how long a task took that has ended.
func took(kind chartKind, r *api.Run, c *overview.Cell) (time.Duration, bool) {
	ended := slices.Contains([]string{"success", "failed"}, c.State) && !c.StartDate.IsZero() && !c.EndDate.Before(c.StartDate)
	if !ended {
		return 0, false
	}
	return kind.value(r, c.StartDate, c.EndDate), true
}

// valuesOf are the values of the points that have one.
func valuesOf(points []chartPoint) (out []time.Duration) {
	for _, p := range points {
		if p.Known {
			out = append(out, p.Value)
		}
	}
	return out
}

// summed sums up durations; there may be none.
func summed(r page.Request, all []time.Duration) summary {
	if len(all) == 0 {
		return summary{}
	}
	s := slices.Sorted(slices.Values(all))
	middle := (s[(len(s)-1)/2] + s[len(s)/2]) / 2
	return summary{r.Span(middle), r.Span(s[(len(s)*95+99)/100-1]), r.Span(s[len(s)-1]), middle}
}

// slowest lists the tasks by their median.
func (d *chartData) slowest(r page.Request, kind chartKind, t *overview.Times) {
	for _, id := range t.Tasks {
		var all []time.Duration
		for _, c := range t.Cells[id] {
			if x, ok := took(kind, &t.Runs[c.Run], &c.Cell); ok {
				all = append(all, x)
			}
		}
		if len(all) > 0 {
			d.Slow = append(d.Slow, slowTask{id, len(all), summed(r, all)})
		}
	}
	slices.SortStableFunc(d.Slow, func(a, b slowTask) int { return cmp.Compare(b.median, a.median) })
	d.Of = len(d.Slow)
	d.Slow = d.Slow[:min(d.Of, mostSlow)]
}

// The measures of a chart in pixels; its width is that of the place that it is in.
const (
	chartHeight = 260
	chartTop    = 12
	chartBottom = 228
	axisWidth   = 64
	// innerWidth is how wide the lines are before they are stretched.
	innerWidth = 1000
)

// chartSVG draws points with a line between those that follow each other, and the median.
func chartSVG(r page.Request, d *chartData) draw.Markup {
	values := valuesOf(d.Points)
	if len(values) == 0 {
		return draw.Markup{}
	}
	from, to, marks := chart.Durations(slices.Min(values).Seconds(), slices.Max(values).Seconds(), durationMarks, chart.Units{
		Day: r.Say("unit.day"), Hour: r.Say("unit.hour"), Minute: r.Say("unit.minute"), Second: r.Say("unit.second"),
	})
	height := func(x float64) string {
		return strconv.FormatFloat(chartBottom-(x-from)/(to-from)*(chartBottom-chartTop), 'f', 1, 64)
	}
	center := func(i int) float64 { return (float64(i) + 0.5) / float64(len(d.Points)) }
	w := &draw.Writer{}
	w.Raw(`<svg class="yaxis" width="`, strconv.Itoa(axisWidth), `" height="`, strconv.Itoa(chartHeight), `" aria-hidden="true">`)
	for _, m := range marks {
		y := height(from + m.At*(to-from))
		w.Raw(`<text class="end" x="`, strconv.Itoa(axisWidth-6), `" y="`, y, `" dy="4">`).Text(m.Text).Raw(`</text>`)
	}
	w.Raw(`</svg><svg class="plot" height="`, strconv.Itoa(chartHeight), `" role="group" aria-label="`).Text(d.Title).Raw(`">`)
	for _, m := range marks {
		y := height(from + m.At*(to-from))
		w.Raw(`<line x1="0" x2="100%" y1="`, y, `" y2="`, y, `"/>`)
	}
	middle := height(d.median.Seconds())
	w.Raw(`<line class="median" x1="0" x2="100%" y1="`, middle, `" y2="`, middle, `"/>`)
	w.Raw(`<svg width="100%" height="`, strconv.Itoa(chartHeight), `" viewBox="0 0 `, strconv.Itoa(innerWidth), ` `, strconv.Itoa(chartHeight), `" preserveAspectRatio="none"><path class="line" d="`)
	pen := "M"
	for i, p := range d.Points {
		if !p.Known {
			pen = "M" // there is a gap
			continue
		}
		w.Raw(pen, strconv.FormatFloat(innerWidth*center(i), 'f', 1, 64), " ", height(p.Value.Seconds()))
		pen = "L"
	}
	w.Raw(`"/></svg>`)
	dates(w, r.Zone(), d, center)
	for i, p := range d.Points {
		if p.Known {
			w.Raw(`<a href="`).Text(p.Link).Raw(`" tabindex="-1" aria-label="`).Text(pointSays(r, &p)).Raw(`"><circle class="`, p.State, `" cx="`, share(center(i)), `" cy="`, height(p.Value.Seconds()), `" r="4"><title>`).Text(pointSays(r, &p)).Raw(`</title></circle></a>`)
		}
	}
	w.Raw(`</svg>`)
	return w.Done()
}

// dates writes when some of the runs were due below them.
func dates(w *draw.Writer, zone *time.Location, d *chartData, center func(int) float64) {
	first, last := d.Points[0].Run.RunAfter, d.Points[len(d.Points)-1].Run.RunAfter
	layout := "01-02"
	if first != nil && last != nil && last.Sub(*first) < 2*dateMarks*24*time.Hour {
		layout = "01-02 15:04"
	}
	every := (len(d.Points) + dateMarks - 1) / dateMarks
	for i := 0; i < len(d.Points); i += every {
		at := d.Points[i].Run.RunAfter
		if at == nil {
			continue
		}
		anchor := "middle"
		switch x := center(i); {
		case x < 0.1:
			anchor = "start"
		case x > 0.9:
			anchor = "end"
		}
		if i/every%2 == 1 {
			anchor += " wide-only"
		}
		w.Raw(`<text class="`, anchor, `" x="`, share(center(i)), `" y="`, strconv.Itoa(chartHeight-10), `">`).Text(at.In(zone).Format(layout)).Raw(`</text>`)
	}
}

// pointSays is a point in words.
func pointSays(r page.Request, p *chartPoint) string {
	return p.Text + " · " + r.Say(words.Key("state."+p.State)) + " · " + p.Run.RunID
}
