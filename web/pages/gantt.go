package pages

import (
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/web/pages/chart"
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
	Head  *dagHead
	Run   *api.Run
	Gantt *overview.Gantt
	Rows  []overview.GanttRow
	// Of is how many rows there are when not all are drawn, else 0.
	Of    int
	Marks []chart.Mark
}

func showGantt(v *view) error {
	h, err := v.headFor("")
	if err != nil {
		return err
	}
	g, err := v.overview.Gantt(v.ctx(), h.ID, v.r.PathValue("run_id"))
	if err != nil {
		return err
	}
	d := ganttData{Head: h, Run: &g.Run.Run, Gantt: g, Rows: g.Rows[:min(len(g.Rows), mostRows)], Marks: chart.Times(g.From, g.To, v.zone, timeMarks)}
	if len(g.Rows) > mostRows {
		d.Of = len(g.Rows)
	}
	v.Title = v.say("gantt.title") + " · " + d.Run.RunID + " · " + h.ID
	v.follow(h.ID, d.Run.RunID)
	return v.render(http.StatusOK, "gantt", d)
}

// share is a place on an axis as a part of its width.
func share(x float64) string { return strconv.FormatFloat(100*min(1, max(0, x)), 'f', 2, 64) + "%" }

// Axis is the axis of times over the bars, whose width is that of the place that it is in.
func (v *view) Axis(marks []chart.Mark) template.HTML {
	w := &markup{}
	w.raw(`<svg class="axis" width="100%" height="16" aria-hidden="true">`)
	for i, m := range marks {
		anchor := "middle"
		switch {
		case m.At < 0.08:
			anchor = "start"
		case m.At > 0.92:
			anchor = "end"
		}
		if i%2 == 1 {
			anchor += " every-second" // there is no room for it on a phone
		}
		w.raw(`<text class="`, anchor, `" x="`, share(m.At), `" y="12">`).text(m.Text).raw(`</text>`)
	}
	w.raw(`</svg>`)
	return template.HTML(w.String()) //nolint:gosec // each part is escaped
}

// barHeights of the time in the queue and of a try, and of the whole row.
const (
	ganttHeight = 20
	queueHeight = 6
	tryHeight   = 14
)

// Spans are the tries of a row on an axis from one moment to another one.
func (v *view) Spans(d ganttData, r overview.GanttRow) template.HTML {
	w := &markup{}
	w.raw(`<svg class="spans`, map[bool]string{true: " critical"}[r.Critical], `" width="100%" height="`, strconv.Itoa(ganttHeight), `" role="img" aria-label="`).text(v.SpansSay(r)).raw(`">`)
	for _, m := range d.Marks {
		w.raw(`<line x1="`, share(m.At), `" x2="`, share(m.At), `" y1="0" y2="`, strconv.Itoa(ganttHeight), `"/>`)
	}
	length := float64(d.Gantt.To.Sub(d.Gantt.From))
	at := func(t time.Time) float64 {
		if length <= 0 {
			return 0
		}
		return float64(t.Sub(d.Gantt.From)) / length
	}
	bar := func(class string, from, to time.Time, height int, title string) {
		w.raw(`<rect class="`, class, `" x="`, share(at(from)), `" width="`, share(max(0.003, at(to)-at(from))), `" y="`, strconv.Itoa((ganttHeight-height)/2), `" height="`, strconv.Itoa(height), `"><title>`).text(title).raw(`</title></rect>`)
	}
	for _, s := range r.Spans {
		says := v.spanSays(&r, s)
		if !s.Queued.IsZero() {
			until := s.Start
			if until.IsZero() {
				until = s.End
			}
			bar("queued", s.Queued, until, queueHeight, says)
		}
		if !s.Start.IsZero() {
			height := tryHeight
			if r.Group {
				height = queueHeight
			}
			bar(known(s.State), s.Start, s.End, height, says)
		}
	}
	w.raw(`</svg>`)
	return template.HTML(w.String()) //nolint:gosec // each part is escaped
}

// SpansSay is what the bars of a row say in words.
func (v *view) SpansSay(r overview.GanttRow) string {
	var all []string
	for _, s := range r.Spans {
		all = append(all, v.spanSays(&r, s))
	}
	if len(all) == 0 {
		return v.say("gantt.not_begun")
	}
	return strings.Join(all, "; ")
}

// spanSays is a bar in words.
func (v *view) spanSays(r *overview.GanttRow, s overview.Span) string {
	var parts []string
	if s.Try > 0 && !r.Group && !r.Mapped {
		parts = append(parts, v.say("task.try_n", s.Try))
	}
	parts = append(parts, v.say(words.Key("state."+known(s.State))))
	if !s.Queued.IsZero() && !s.Start.IsZero() {
		parts = append(parts, v.say("gantt.queued_for", duration(s.Start.Sub(s.Queued))))
	}
	if !s.Start.IsZero() {
		parts = append(parts, v.say("gantt.ran_for", duration(s.End.Sub(s.Start))), s.Start.In(v.zone).Format("2006-01-02 15:04:05"))
	} else {
		parts = append(parts, v.say("gantt.queued_for", duration(s.End.Sub(s.Queued))))
	}
	if r.Critical {
		parts = append(parts, v.say("gantt.critical"))
	}
	return strings.Join(parts, " · ")
}
