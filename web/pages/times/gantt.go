package times

import (
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/chart"
	"github.com/dingdag/dingdag/web/pages/draw"
	"github.com/dingdag/dingdag/web/pages/page"
	"github.com/dingdag/dingdag/web/pages/words"
)

const (
	// mostRows bounds how many tasks a page draws.
	mostRows = 1000
	// timeMarks is how many marks an axis of times has, about.
	timeMarks = 5
)

// ganttData is when the tasks of a run waited and ran.
type ganttData struct {
	r page.Request

	Head  *page.DAG
	Run   *api.Run
	Gantt *overview.Gantt
	Rows  []overview.GanttRow
	// Of is how many rows there are when not all are drawn, else 0.
	Of    int
	Marks []chart.Mark
}

func (t *Times) showGantt(r page.Request) error {
	h, err := r.DAG("")
	if err != nil {
		return err
	}
	g, err := t.o.Overview(r.HTTP().Context()).Gantt(r.HTTP().Context(), h.ID, r.HTTP().PathValue("run_id"))
	if err != nil {
		return err
	}
	d := &ganttData{r: r, Head: h, Run: &g.Run.Run, Gantt: g, Rows: g.Rows[:min(len(g.Rows), mostRows)], Marks: chart.Times(g.From, g.To, r.Zone(), timeMarks)}
	if len(g.Rows) > mostRows {
		d.Of = len(g.Rows)
	}
	return r.Show(page.Head{Name: "times_gantt", Nav: "dags", Title: r.Say("gantt.title") + " · " + d.Run.RunID + " · " + h.ID, Live: true, DAGID: h.ID, RunID: d.Run.RunID}, d)
}

// share is a place on an axis as a part of its width.
func share(x float64) string { return strconv.FormatFloat(100*min(1, max(0, x)), 'f', 2, 64) + "%" }

// Axis is the axis of times over the bars, whose width is that of the place that it is in.
func (d *ganttData) Axis() draw.Markup {
	w := &draw.Writer{}
	w.Raw(`<svg class="axis" width="100%" height="16" aria-hidden="true">`)
	for i, m := range d.Marks {
		anchor := "middle"
		switch {
		case m.At < 0.08:
			anchor = "start"
		case m.At > 0.92:
			anchor = "end"
		}
		if i > 0 {
			anchor += " wide-only" // there is no room for it on a phone
		}
		w.Raw(`<text class="`, anchor, `" x="`, share(m.At), `" y="12">`).Text(m.Text).Raw(`</text>`)
	}
	w.Raw(`</svg>`)
	return w.Done()
}

// barHeights of the time in the queue and of a try, and of the whole row.
const (
	ganttHeight = 20
	queueHeight = 6
	tryHeight   = 14
)

// Spans are the tries of a row on an axis from one moment to another one.
func (d *ganttData) Spans(row overview.GanttRow) draw.Markup {
	w := &draw.Writer{}
	w.Raw(`<svg class="spans`, map[bool]string{true: " critical"}[row.Critical], `" width="100%" height="`, strconv.Itoa(ganttHeight), `" role="img" aria-label="`).Text(d.SpansSay(row)).Raw(`">`)
	for _, m := range d.Marks {
		w.Raw(`<line x1="`, share(m.At), `" x2="`, share(m.At), `" y1="0" y2="`, strconv.Itoa(ganttHeight), `"/>`)
	}
	length := float64(d.Gantt.To.Sub(d.Gantt.From))
	at := func(t time.Time) float64 {
		if length <= 0 {
			return 0
		}
		return float64(t.Sub(d.Gantt.From)) / length
	}
	bar := func(class string, from, to time.Time, height int, title string) {
		w.Raw(`<rect class="`, class, `" x="`, share(at(from)), `" width="`, share(max(0.003, at(to)-at(from))), `" y="`, strconv.Itoa((ganttHeight-height)/2), `" height="`, strconv.Itoa(height), `"><title>`).Text(title).Raw(`</title></rect>`)
	}
	for _, s := range row.Spans {
		says := d.spanSays(&row, s)
		if !s.Queued.IsZero() {
			until := s.Start
			if until.IsZero() {
				until = s.End
			}
			bar("queued", s.Queued, until, queueHeight, says)
		}
		if !s.Start.IsZero() {
			height := tryHeight
			if row.Group {
				height = queueHeight
			}
			bar(draw.Known(s.State), s.Start, s.End, height, says)
		}
	}
	w.Raw(`</svg>`)
	return w.Done()
}

// SpansSay is what the bars of a row say in words.
func (d *ganttData) SpansSay(row overview.GanttRow) string {
	var all []string
	for _, s := range row.Spans {
		all = append(all, d.spanSays(&row, s))
	}
	if len(all) == 0 {
		return d.r.Say("gantt.not_begun")
	}
	return strings.Join(all, "; ")
}

// spanSays is a bar in words.
func (d *ganttData) spanSays(row *overview.GanttRow, s overview.Span) string {
	var parts []string
	if s.Try > 0 && !row.Group && !row.Mapped {
		parts = append(parts, d.r.Say("task.try_n", s.Try))
	}
	parts = append(parts, d.r.Say(words.Key("state."+draw.Known(s.State))))
	if !s.Queued.IsZero() && !s.Start.IsZero() {
		parts = append(parts, d.r.Say("gantt.queued_for", d.r.Span(s.Start.Sub(s.Queued))))
	}
	if !s.Start.IsZero() {
		parts = append(parts, d.r.Say("gantt.ran_for", d.r.Span(s.End.Sub(s.Start))), s.Start.In(d.r.Zone()).Format("2006-01-02 15:04:05"))
	} else {
		parts = append(parts, d.r.Say("gantt.queued_for", d.r.Span(s.End.Sub(s.Queued))))
	}
	if row.Critical {
		parts = append(parts, d.r.Say("gantt.critical"))
	}
	return strings.Join(parts, " · ")
}
