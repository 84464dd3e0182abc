package pages

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api/overview"
	"github.com/dingdag/dingdag/pageurl"
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
	// Data is what the page is about.
	Data any
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

// Ago is how long ago a moment was, or how soon it will be.
func (v *view) Ago(t any) template.HTML {
	at, ok := moment(t)
	if !ok {
		return "–"
	}
	return v.time(at, v.distance(v.now.Sub(at)))
}

func (v *view) distance(d time.Duration) string {
	switch {
	case d < -time.Second:
		return v.say("time.in", duration(-d))
	case d < time.Second:
		return v.say("time.now")
	default:
		return v.say("time.ago", duration(d))
	}
}

// time is markup that says a moment to people and to programs.
func (v *view) time(at time.Time, text string) template.HTML {
	exact := at.In(v.zone).Format("2006-01-02 15:04:05.000 MST (UTC-07:00)")
	return template.HTML(`<time datetime="` + at.UTC().Format(time.RFC3339Nano) + `" title="` + template.HTMLEscapeString(exact) + `">` + //nolint:gosec // each part is escaped
		template.HTMLEscapeString(text) + `</time>`)
}

// Took is how long something took, in seconds, or nil.
func (*view) Took(seconds *float64) string {
	if seconds == nil {
		return "–"
	}
	return duration(time.Duration(*seconds * float64(time.Second)))
}

// duration is one in its two greatest units.
func duration(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	case d < time.Hour:
		return fmt.Sprintf("%dm %02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < day:
		return fmt.Sprintf("%dh %02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd %02dh", int(d/day), int(d.Hours())%24)
	}
}

// signs are what a state is told by beside its colour.
var signs = map[string]string{ //nolint:gochecknoglobals // a constant
	"success": "✓", "failed": "✕", "running": "▸", "queued": "⋯", "scheduled": "○", "skipped": "»", "upstream_failed": "!",
	"up_for_retry": "↻", "up_for_reschedule": "↺", "deferred": "‖", "restarting": "⟳", "removed": "−", "none": " ",
}

// State is the state of a run or task: a sign, a colour and the word.
func (v *view) State(state any) template.HTML {
	s := known(fmt.Sprint(state))
	return template.HTML(`<span class="state ` + s + `"><i aria-hidden="true">` + signs[s] + `</i>` + //nolint:gosec // each part is ours
		template.HTMLEscapeString(v.say(words.Key("state."+s))) + `</span>`)
}

// known is the word of a state, none for one that nobody knows.
func known(state string) string {
	if _, ok := signs[state]; ok {
		return state
	}
	return "none"
}

// Legend are the states that a task may have, as a grid shows them.
func (*view) Legend() []string { return order }

// Indent is the class of a row that is so deep inside groups.
func (*view) Indent(depth int) string { return "d" + strconv.Itoa(min(depth, 8)) }

// Lasted is how long something lasted, or has lasted until now.
func (v *view) Lasted(start, end time.Time) string {
	switch {
	case start.IsZero():
		return "–"
	case end.IsZero() || end.Before(start):
		return duration(max(0, v.now.Sub(start)))
	default:
		return duration(end.Sub(start))
	}
}
