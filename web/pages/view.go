package pages

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/pageurl"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/web/pages/draw"
	"github.com/dingdag/dingdag/web/pages/page"
	"github.com/dingdag/dingdag/web/pages/words"
)

// view is one request for a page, and what its template sees.
type view struct {
	p *Pages
	w http.ResponseWriter
	r *http.Request
	preferences
	overview *overview.Overview
	now      time.Time

	// Visitor is who asks.
	Visitor Visitor
	// Title is that of the page, Nav the entry of the navigation that it belongs to.
	Title, Nav string
	// Topic is what the page follows, empty for nothing.
	Topic string
	// Data is what the page is about, Main its content once that is written.
	Data any
	Main template.HTML
}

func (p *Pages) newView(w http.ResponseWriter, r *http.Request) *view {
	return &view{
		p: p, w: w, r: r, preferences: p.preferencesOf(r), overview: p.o.Overview(r.Context()), now: p.o.Clock(),
		Visitor: p.o.Guard.Visitor(r.Context()),
	}
}

// ctx is that of the request.
func (v *view) ctx() context.Context { return v.r.Context() }

// T is a text in the language of whoever asks.
func (v *view) T(key string, about ...any) (string, error) {
	return v.language.Say(words.Key(key), about...)
}

// say is the same for a key that is known to be there: the tests see to that.
func (v *view) say(key words.Key, about ...any) string {
	text, err := v.language.Say(key, about...)
	if err != nil {
		return string(key)
	}
	return text
}

// Lang is the language for the page's attribute.
func (v *view) Lang() string { return v.language.Tag() }

// Language is the language that is shown, for the menu.
func (v *view) Language() string { return string(v.language) }

// Languages are those to choose from.
func (v *view) Languages() []words.Language { return words.Languages() }

// Theme is the one that was chosen, or empty.
func (v *view) Theme() string { return v.theme }

// DarkMedia is for which media the dark colours are.
func (v *view) DarkMedia() string {
	switch v.theme {
	case darkTheme:
		return "all"
	case lightTheme:
		return "not all"
	default:
		return "(prefers-color-scheme: dark)"
	}
}

// ColorScheme is what the browser draws its own controls for.
func (v *view) ColorScheme() string {
	if v.theme == systemTheme {
		return "light dark"
	}
	return v.theme
}

// ZoneName is the zone of the times on the page, ZoneChosen the one that somebody chose.
func (v *view) ZoneName() string   { return v.zone.String() }
func (v *view) ZoneChosen() string { return v.zoneName }

// DefaultZone is the zone that holds without a choice.
func (v *view) DefaultZone() string { return v.p.o.Zone.String() }

// Zones are some to choose from; any other one of the IANA database can be written.
func (*view) Zones() []string {
	return []string{
		"UTC", "Asia/Shanghai", "Asia/Hong_Kong", "Asia/Taipei", "Asia/Singapore", "Asia/Tokyo", "Asia/Seoul", "Asia/Kolkata", "Asia/Dubai",
		"Europe/London", "Europe/Berlin", "Europe/Paris", "Europe/Moscow", "America/New_York", "America/Chicago", "America/Los_Angeles",
		"America/Sao_Paulo", "Australia/Sydney",
	}
}

// Base is the path before all links.
func (v *view) Base() string { return v.p.o.Base }

// DAGFile is a DAG file as people may know it.
func (v *view) DAGFile(file string) string { return page.FileBelow(v.p.o.DAGsFolder, file) }

// DAGsFolder is where DAG files are.
func (v *view) DAGsFolder() string { return v.p.o.DAGsFolder }

// Version is that of the program.
func (v *view) Version() string { return v.p.o.Version }

// Here is the path and the query of the page, below the base.
func (v *view) Here() string { return v.r.URL.RequestURI()[v.prefix():] }

// prefix is how long the base is in the address that was asked for.
func (v *view) prefix() int {
	if strings.HasPrefix(v.r.URL.RequestURI(), v.p.o.Base+"/") {
		return len(v.p.o.Base)
	}
	return 0
}

// Token proves that a form comes from this page.
func (v *view) Token() string { return v.p.o.Guard.Token(v.r) }

// TokenField is the field that has it.
func (*view) TokenField() string { return TokenField }

// Static is the address of a style, script or picture.
func (v *view) Static(name string) (string, error) {
	hashed, err := v.p.assets.Name(name)
	return v.p.o.Base + "/static/" + hashed, err
}

// Link is the address of a page by the parts of its path, which may be any text.
func (v *view) Link(parts ...any) string {
	return v.p.o.Base + pageurl.Path(parts...)
}

// TaskLink is the address of a task instance.
func (v *view) TaskLink(dagID, runID, taskID string, mapIndex int) string {
	return v.p.o.Base + pageurl.TaskPath(dagID, runID, taskID, mapIndex)
}

// With is the address of this page with a field of its query set to a value, or without the field where the value is empty.
// The page of a list begins anew.
func (v *view) With(field string, value any) string {
	q := v.r.URL.Query()
	q.Del("page")
	q.Del("before")
	text := fmt.Sprint(value)
	if text == "" {
		q.Del(field)
	} else {
		q.Set(field, text)
	}
	to := v.p.o.Base + v.r.URL.EscapedPath()
	if e := q.Encode(); e != "" {
		to += "?" + e
	}
	return to
}

// moment is a time or nil.
func moment(t any) (time.Time, bool) {
	switch t := t.(type) {
	case time.Time:
		return t, !t.IsZero()
	case *time.Time:
		if t == nil {
			return time.Time{}, false
		}
		return *t, !t.IsZero()
	default:
		return time.Time{}, false
	}
}

// When is a moment in the zone of whoever asks.
func (v *view) When(t any) template.HTML {
	at, ok := moment(t)
	if !ok {
		return "–"
	}
	return v.time(at, at.In(v.zone).Format("2006-01-02 15:04:05"))
}

// RoleOf is the word for a role, that of nobody for one that there is not.
func (v *view) RoleOf(role string) string { return v.say(words.Key("role." + knownRole(role))) }

// MayOf is what a role allows.
func (v *view) MayOf(role string) string { return v.say(words.Key("role_may." + knownRole(role))) }

func knownRole(role string) string {
	r, err := access.ParseRole(role)
	if err != nil {
		return access.Nobody.String() // a row that somebody changed
	}
	return r.String()
}

// Past reports whether a moment is over.
func (v *view) Past(at time.Time) bool { return !v.now.Before(at) }

// Ago is how long ago a moment was, or how soon it will be.
func (v *view) Ago(t any) template.HTML {
	at, ok := moment(t)
	if !ok {
		return "–"
	}
	return v.time(at, v.distance(v.now.Sub(at).Truncate(time.Second)))
}

func (v *view) distance(d time.Duration) string {
	switch {
	case d <= -time.Second:
		return v.say("time.in", v.span(-d))
	case d < time.Second:
		return v.say("time.now")
	default:
		return v.say("time.ago", v.span(d))
	}
}

// time is markup that says a moment to people and to programs.
func (v *view) time(at time.Time, text string) template.HTML {
	exact := at.In(v.zone).Format("2006-01-02 15:04:05.000 MST (UTC-07:00)")
	return template.HTML(`<time datetime="` + at.UTC().Format(time.RFC3339Nano) + `" title="` + template.HTMLEscapeString(exact) + `">` + //nolint:gosec // each part is escaped
		template.HTMLEscapeString(text) + `</time>`)
}

// span is how long something is, in words.
func (v *view) span(d time.Duration) string { return v.language.Span(d) }

// Took is how long something took, in seconds. While it is nil, it is how long it has taken since it started, if it has.
func (v *view) Took(seconds *float64, since ...*time.Time) string {
	switch {
	case seconds != nil:
		return v.span(time.Duration(*seconds * float64(time.Second)))
	case len(since) == 1 && since[0] != nil:
		return v.Lasted(*since[0], time.Time{})
	default:
		return "–"
	}
}

// State is the state of a run or task: a sign, a colour and the word.
func (v *view) State(state any) template.HTML {
	s := draw.Known(fmt.Sprint(state))
	return template.HTML(`<span class="state ` + s + `"><i aria-hidden="true">` + draw.Sign(s) + `</i>` + //nolint:gosec // each part is ours
		template.HTMLEscapeString(v.say(words.Key("state."+s))) + `</span>`)
}

// Legend are the states that a task may have, as a grid shows them.
func (*view) Legend() []string { return draw.States() }

// Drawn is markup that a program has written.
func (*view) Drawn(m draw.Markup) template.HTML {
	return template.HTML(m.String()) //nolint:gosec // it is escaped where it is written
}

// breaks lets a line end behind the signs that join the words of an id and where no browser ends one.
var breaks = strings.NewReplacer("_", "_<wbr>", ".", ".<wbr>") //nolint:gochecknoglobals // a constant

// ID is a text with ids in it, which narrow places break between their words.
func (*view) ID(text string) template.HTML {
	return template.HTML(breaks.Replace(template.HTMLEscapeString(text))) //nolint:gosec // it is escaped
}

// Indent is the class of a row that is so deep inside groups.
func (*view) Indent(depth int) string { return "d" + strconv.Itoa(min(depth, 8)) }

// Lasted is how long something lasted, or has lasted until now.
func (v *view) Lasted(start, end time.Time) string {
	switch {
	case start.IsZero():
		return "–"
	case end.IsZero() || end.Before(start):
		return v.span(max(0, v.now.Sub(start)))
	default:
		return v.span(end.Sub(start))
	}
}

// Tell is what the program says of how things are, without secrets.
func (v *view) Tell(text phrase.Text) string { return v.p.mask(v.language.Tell(text, v.zone)) }

// AlertLine tells an alert in a line: what has happened to what, and where it is told.
func (v *view) AlertLine(event, dagID, taskID string, mapIndex int, channel, summary string) string {
	return v.language.Alert(event, dagID, taskID, mapIndex, channel, summary)
}

// Reason says why a run ended.
func (v *view) Reason(reason string) string { return v.language.Reason(reason) }

// WholeSchedule is a schedule with nothing left out.
func (v *view) WholeSchedule(summary string) string { return v.language.WholeSchedule(summary) }

// Schedule is a schedule in short.
func (v *view) Schedule(summary string) string { return v.language.Schedule(summary) }
