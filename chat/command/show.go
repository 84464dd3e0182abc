package command

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/phrase"
)

// maxText is about how many characters an answer has at most: what a person reads on a phone. maxItem bounds one item
// of a list.
const (
	maxText = 3500
	maxItem = 600
)

// page is an answer in the making: paragraphs, a list, and what comes after it.
type page struct {
	title string
	head  []string
	items []string
	// more is how many items there are beside these.
	more int
	foot []string
}

func (p *page) say(paragraph string) {
	if paragraph != "" {
		p.head = append(p.head, paragraph)
	}
}
func (p *page) item(text string) { p.items = append(p.items, text) }
func (p *page) end(paragraph string) {
	if paragraph != "" {
		p.foot = append(p.foot, paragraph)
	}
}

// answer puts the page together, without the items that would make it too long.
func (p *page) answer(l Lang) Answer {
	left := maxText
	for _, s := range append(append([]string{}, p.head...), p.foot...) {
		left -= utf8.RuneCountInString(s) + 2
	}
	var list []string
	for _, it := range p.items {
		it = clip(it, maxItem)
		if left -= utf8.RuneCountInString(it) + 3; left < 0 {
			break
		}
		list = append(list, "- "+it)
	}
	if hidden := len(p.items) - len(list) + p.more; hidden > 0 {
		list = append(list, l.Say("- … %d more", "- …… 还有 %d 个", hidden))
	}
	parts := p.head
	if len(list) > 0 {
		parts = append(parts, strings.Join(list, "\n"))
	}
	return Answer{Title: p.title, Text: strings.Join(append(parts, p.foot...), "\n\n")}
}

// clip cuts a text to so many characters, not within an escape.
func clip(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	rs := []rune(text)[:most-1]
	return strings.TrimRight(string(rs), `\&`) + "…"
}

// fitted is the answer, with a title and not too long.
func (a Answer) fitted(l Lang) Answer {
	if a.Title == "" {
		a.Title = "dingdag"
	}
	a.Title = clip(a.Title, 60)
	const slack = 300 // paragraphs around a list that is cut already
	if utf8.RuneCountInString(a.Text) > maxText+slack {
		a.Text = clip(a.Text, maxText) + l.Say("\n\n… (cut)", "\n\n……（已截断）")
	}
	return a
}

// last is the last line of a text that is not blank, cut to what a person reads at once.
func last(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return clip(strings.TrimSpace(lines[len(lines)-1]), 300)
}

// date is a moment in the zone of the DAG that the answer is about.
func (c *Call) date(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	at, now := t.In(c.zone), c.Now.In(c.zone)
	layout := "2006-01-02 15:04 MST"
	if y, m, d := at.Date(); y == now.Year() && m == now.Month() && d == now.Day() {
		layout = "15:04 MST"
	}
	return at.Format(layout)
}

// whole is a moment with its day, whatever day it is.
func (c *Call) whole(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.In(c.zone).Format("2006-01-02 15:04 MST")
}

// ago is how long ago something was.
func (c *Call) ago(t *time.Time) string {
	if t == nil {
		return ""
	}
	return c.Say("%s ago", "%s前", c.period(c.Now.Sub(*t)))
}

// since is a moment and how long ago it was.
func (c *Call) since(t *time.Time) string { return c.date(t) + c.Say(" (%s)", "（%s）", c.ago(t)) }

// utcMoment is a moment as the engine writes it into a reason.
var utcMoment = regexp.MustCompile(`(^|[\s(])(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\b`)

// asksAnswer is the command line that the engine names in the reason why a task waits for an answer.
var asksAnswer = regexp.MustCompile(`\bdingdag asks answer (\d+) OPTION\b`)

// told is what the program says of how things are, in the language and the zone of the answer, and with what people type here in
// place of a command line.
func (c *Call) told(text phrase.Text) string {
	said := text.In(map[Lang]phrase.Language{English: phrase.English, Chinese: phrase.Chinese}[c.Lang], func(t time.Time) string { return c.whole(&t) })
	return esc(c.inChat(c.mask(said)))
}

// inChat is a text with what people type here in place of a command line.
func (c *Call) inChat(text string) string {
	return asksAnswer.ReplaceAllStringFunc(text, func(line string) string {
		return c.typed("answer", "回答", asksAnswer.FindStringSubmatch(line)[1], c.Say("OPTION", "选项"))
	})
}

// reason is a reason of the engine, with its moments in the zone of the answer, and with what people type here in place of
// a command line.
func (c *Call) reason(text string) string {
	return esc(utcMoment.ReplaceAllStringFunc(c.inChat(text), func(found string) string {
		m := utcMoment.FindStringSubmatch(found)
		t, err := time.Parse(time.RFC3339, m[2])
		if err != nil {
			return found
		}
		return m[1] + c.whole(&t)
	}))
}

// line is a run in a line, without its DAG.
func (c *Call) line(r *api.Run) string {
	text := c.state(string(r.State)) + " " + code(r.RunID)
	switch {
	case r.EndDate != nil && r.Duration != nil:
		text += c.Say(" · ended %s, took %s", " · %s 结束，用时 %s", c.date(r.EndDate), c.seconds(*r.Duration))
	case r.StartDate != nil:
		text += c.Say(" · since %s", " · 开始于 %s", c.since(r.StartDate))
	}
	if r.TriggeringUser != "" {
		text += c.Say(" · by %s", " · 发起人 %s", esc(r.TriggeringUser))
	}
	return text
}
