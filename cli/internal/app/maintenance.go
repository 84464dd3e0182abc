package app

import (
	"errors"
	"fmt"
	"path"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/timetable"
	"github.com/dingdag/dingdag/yamlvalue"
)

// window is one entry of the setting maintenance, but for from and until, whose dates need no quotes.
type window struct {
	DAGs     []string       `yaml:"dags" param:"single"`
	Robots   []string       `yaml:"robots" param:"single"`
	Cron     string         `yaml:"cron"`
	For      *time.Duration `yaml:"for" param:"min=1s"`
	Timezone string         `yaml:"timezone"`
	Reason   string         `yaml:"reason"`
	Urgent   bool           `yaml:"urgent" param:"default=false"`
}

var windowType = params.Of[window]("a maintenance window", nil)

// windowReader reads the setting maintenance and collects what is wrong with it.
type windowReader struct {
	file string
	zone string
	errs []error
}

func (r *windowReader) errorf(n *yaml.Node, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s:%d:%d: maintenance: %s", r.file, n.Line, n.Column, fmt.Sprintf(format, args...)))
}

// maintenance is what the setting says. What is wrong with it is one error with its places.
func (a *App) maintenance() ([]outbox.Window, error) {
	set := a.Settings.Maintenance
	if set.Node == nil {
		return nil, nil
	}
	r := windowReader{file: set.From, zone: a.Settings.DefaultTimezone}
	root := yamlvalue.Resolve(set.Node)
	items := []*yaml.Node{root}
	switch root.Kind {
	case yaml.SequenceNode:
		items = root.Content
	case yaml.MappingNode:
	default:
		r.errorf(root, "must be a window such as {dags: etl, cron: \"0 2 * * 6\", for: 3h}, or a list of windows")
		items = nil
	}
	var all []outbox.Window
	a.checked.places = nil
	for _, n := range items {
		n = yamlvalue.Resolve(n)
		all = append(all, r.window(n, a.Clock()))
		a.checked.places = append(a.checked.places, fmt.Sprintf("%s:%d:%d: maintenance: ", set.From, n.Line, n.Column))
	}
	return all, errors.Join(r.errs...)
}

func (r *windowReader) window(n *yaml.Node, now time.Time) outbox.Window {
	var (
		w     window
		dates = map[string]*yaml.Node{}
		rest  []*yaml.Node
	)
	if n.Kind == yaml.MappingNode {
		for key, value := range yamlvalue.Pairs(n) {
			if (key.Value == "from" || key.Value == "until") && dates[key.Value] == nil {
				dates[key.Value] = yamlvalue.Resolve(value)
				continue
			}
			rest = append(rest, key, value)
		}
		plain := *n
		plain.Content, n = rest, &plain
	}
	problems := windowType.Decode(n, &w)
	for _, p := range problems {
		r.errorf(&yaml.Node{Line: p.Line, Column: p.Column}, "%s", p.Text)
	}
	if len(problems) > 0 {
		return outbox.Window{}
	}
	for _, pattern := range w.DAGs {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			r.errorf(at(n, "dags"), "%q is no id of a DAG and no pattern: use *, ? and [abc]", pattern)
		}
	}
	out := outbox.Window{DAGs: w.DAGs, Robots: w.Robots, Urgent: w.Urgent, Reason: w.Reason}
	zone, err := time.LoadLocation(orText(w.Timezone, r.zone))
	if err != nil || w.Timezone == "Local" {
		r.errorf(at(n, "timezone"), "%q: must be an IANA zone such as UTC or Asia/Shanghai", w.Timezone)
		return out
	}
	switch {
	case w.Cron != "" && len(dates) == 0:
		r.again(n, &w, zone, now, &out)
	case w.Cron == "" && w.For == nil && len(dates) == 2:
		r.once(dates, zone, &out)
	default:
		r.errorf(n, "a window has either cron and for, or from and until")
	}
	return out
}

func orText(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// at is the value of a key, or the mapping itself.
func at(n *yaml.Node, key string) *yaml.Node {
	if _, v := yamlvalue.Lookup(n, key); v != nil {
		return v
	}
	return n
}

// again reads a window that comes again and again.
func (r *windowReader) again(n *yaml.Node, w *window, zone *time.Location, now time.Time, out *outbox.Window) {
	if w.For == nil {
		r.errorf(n, "a window with cron needs for, such as 3h")
		return
	}
	t, err := timetable.Cron(w.Cron, zone)
	if err != nil {
		r.errorf(at(n, "cron"), "%s", err)
		return
	}
	out.Begins, out.For = t, *w.For
	const looked = 60
	last, apart := now, false
	for i := range looked {
		run, ok := t.Next(&timetable.Interval{Start: last, End: last}, timetable.Restriction{Catchup: true}, now)
		if !ok && i == 0 {
			r.errorf(at(n, "cron"), "%q never begins", w.Cron)
		}
		if !ok {
			return
		}
		apart = apart || i > 0 && run.LogicalDate.Sub(last) > *w.For
		last = run.LogicalDate
	}
	if !apart {
		r.errorf(at(n, "for"), "%s is as long as from one window to the next, so alerts would never be sent: use dingdag alerts snooze for such a time", *w.For)
	}
}

// once reads a window between two dates.
func (r *windowReader) once(dates map[string]*yaml.Node, zone *time.Location, out *outbox.Window) {
	read := func(name string) time.Time {
		v := dates[name]
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
			if t, err := time.ParseInLocation(layout, v.Value, zone); err == nil && v.Kind == yaml.ScalarNode {
				return t
			}
		}
		r.errorf(v, "%s %q is not a date such as 2026-01-31T06:00", name, v.Value)
		return time.Time{}
	}
	out.From, out.Until = read("from"), read("until")
	if !out.From.IsZero() && !out.Until.IsZero() && !out.Until.After(out.From) {
		r.errorf(dates["until"], "until is not after from")
	}
}
