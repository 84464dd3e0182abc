package page

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dingdag/dingdag/sandbox/internal/core"
	"github.com/dingdag/dingdag/sandbox/internal/markdown"
)

// inboxView is the messages and refusals that a query selects, and the chats they are in.
type inboxView struct {
	Filter  core.Filter
	Types   []string
	Chats   []chatView
	Entries []entryView
	Faults  int
}

// chatView is a line in the list of chats.
type chatView struct {
	Sender   core.Sender
	Count    int
	Preview  string
	Time     time.Time
	Selected bool
}

// entryView is a message or a refused attempt, in the order of arrival.
type entryView struct {
	Message *messageView
	Refused *core.Attempt
}

type messageView struct {
	core.Message
	Blocks []markdown.Block  // markdown and actionCard
	Lines  []markdown.Inline // text
	// Missing are the mentions that DingTalk adds at the end of a text without them.
	Missing []string
	// Receivers are the names of people whom a bot wrote to.
	Receivers string
	// Fault is what kept the answer from the sender.
	Fault core.FaultKind
	// Presser may press the buttons of a card; nobody may in the inbox.
	Presser *talkView
}

func (p *Page) readInbox(q url.Values) *inboxView {
	f := core.Filter{Robot: q.Get("robot"), Type: q.Get("type"), Text: q.Get("text")}
	v := &inboxView{
		Filter: f,
		Types: []string{
			core.TypeText, core.TypeLink, core.TypeMarkdown, core.TypeActionCard, core.TypeFeedCard,
			core.TypeCard, core.TypeImage, core.TypeFile, core.TypeAudio, core.TypeVideo,
		},
		Faults: p.core.FaultCount(),
	}
	for _, sender := range p.core.Senders() {
		v.Chats = append(v.Chats, p.chat(sender, f.Robot == sender.Name))
	}
	shown := map[int]core.Message{}
	for _, m := range p.core.FindMessages(f) {
		shown[m.ID] = m
	}
	for _, a := range p.core.KeptAttempts() {
		if m, ok := shown[a.MessageID]; ok {
			v.Entries = append(v.Entries, entryView{Message: p.newMessageView(m, a.Fault)})
		} else if a.Refused() && f.Type == "" && f.Text == "" && (f.Robot == "" || f.Robot == a.Sender()) {
			v.Entries = append(v.Entries, entryView{Refused: &a})
		}
	}
	v.Entries = core.Last(v.Entries, core.MaxShown)
	return v
}

// chat previews the last message as DingTalk's list of chats does: by its title.
func (p *Page) chat(sender core.Sender, selected bool) chatView {
	c := chatView{Sender: sender, Selected: selected}
	found := p.core.FindMessages(core.Filter{Robot: sender.Name})
	c.Count = len(found)
	if c.Count == 0 {
		return c
	}
	m := found[c.Count-1]
	c.Time = m.Time
	switch m.Type {
	case core.TypeText:
		c.Preview = m.Content.Text
	case core.TypeCard:
		c.Preview = cmp.Or(m.Content.Title, m.Content.Text)
	case core.TypeImage, core.TypeAudio, core.TypeVideo:
		c.Preview = "[" + m.Type + "]"
	case core.TypeFeedCard:
		c.Preview = m.Content.Links[0].Title
	default:
		c.Preview = m.Content.Title
	}
	return c
}

func (p *Page) newMessageView(m core.Message, fault core.FaultKind) *messageView {
	v := &messageView{Message: m, Fault: fault}
	names := make([]string, len(m.To))
	for i, id := range m.To {
		names[i] = p.core.People.NameOf(id)
	}
	v.Receivers = strings.Join(names, ", ")
	switch m.Type {
	case core.TypeText:
		v.Lines = markdown.Plain(m.Content.Text, m.Mentions.Notified...)
		for _, id := range m.Mentions.Notified {
			if !markdown.Mentions(m.Content.Text, id) {
				v.Missing = append(v.Missing, id)
			}
		}
	case core.TypeMarkdown, core.TypeActionCard, core.TypeCard:
		v.Blocks = markdown.Parse(m.Content.Text, m.Mentions.Notified...)
	}
	return v
}

// RawIndented is the body for people to read.
func (v *messageView) RawIndented() string {
	var b bytes.Buffer
	if err := json.Indent(&b, v.Raw, "", "  "); err != nil {
		return string(v.Raw)
	}
	return b.String()
}

// Initial is the letter in a robot's round picture.
func (v *messageView) Initial() string { return initial(v.Robot) }

// Initial is the letter in a robot's round picture.
func (c chatView) Initial() string { return initial(c.Sender.Name) }

func initial(name string) string {
	r, _ := utf8.DecodeRuneInString(name)
	return strings.ToUpper(string(r))
}
