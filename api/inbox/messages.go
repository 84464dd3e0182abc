package inbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/store"
)

// Types are what messages may be, in DingTalk's words.
func Types() []string {
	return []string{"text", "link", "markdown", "actionCard", "feedCard", "card", "image", "file", "audio", "video"}
}

// Message is one that arrived, without the body as it was sent. Secrets are hidden in what it says.
type Message struct {
	ID int `json:"id"`
	// Time is when it arrived, by the sandbox's clock, in UTC.
	Time time.Time `json:"time"`
	// Robot and Group are their names at that time. A bot has the name of its app, and in messages to people for the group too.
	Robot string `json:"robot"`
	Group string `json:"group"`
	// To are the userids of people whom a bot wrote to, outside of a group.
	To []string `json:"to"`
	// Conversation is the id of the one that a bot wrote to; empty for custom robots.
	Conversation string `json:"conversation"`
	// ReplyTo is the id of the message that this one answers; empty for none.
	ReplyTo string `json:"reply_to"`
	// Recalled messages are seen by nobody any more.
	Recalled bool `json:"recalled"`
	// Type is one of [Types].
	Type     string   `json:"type"`
	Content  Content  `json:"content"`
	Mentions Mentions `json:"mentions"`
}

// Content is what a message says. Which fields are set depends on its type.
type Content struct {
	Title string `json:"title"`
	// Text is Markdown for markdown and actionCard, and for a card where Markdown says so; otherwise plain.
	Text       string   `json:"text"`
	Markdown   bool     `json:"markdown"`
	URL        string   `json:"url"`
	PictureURL string   `json:"picture_url"`
	Buttons    []Button `json:"buttons"`
	// SideBySide puts the buttons into one row.
	SideBySide bool   `json:"side_by_side"`
	Links      []Link `json:"links"`
}

// Button is one of an actionCard or of a card.
type Button struct {
	Title string `json:"title"`
	// URL is where it leads; those of a card that calls the app back have an Action instead.
	URL    string `json:"url"`
	Action string `json:"action"`
	// Style is primary, danger or empty.
	Style    string `json:"style"`
	Disabled bool   `json:"disabled"`
}

// Link is an entry of a feedCard.
type Link struct {
	Title      string `json:"title"`
	URL        string `json:"url"`
	PictureURL string `json:"picture_url"`
}

// Mentions says who was notified of a message by name.
type Mentions struct {
	// All says that the whole group was, and Notified is empty then.
	All bool `json:"all"`
	// Notified are mobiles and userids.
	Notified []string `json:"notified"`
	// Ignored are mentions that notified nobody.
	Ignored []Ignored `json:"ignored"`
}

// Ignored is a mention that notified nobody, and why not.
type Ignored struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Query selects messages. Empty fields select all.
type Query struct {
	// Robot is a name, Type one of [Types], Conversation an id.
	Robot, Type, Conversation string
	// Text must occur in what people read, in any case.
	Text string
	// Limit is how many are returned, at most [MaxLimit], after Offset are passed over.
	Limit, Offset int
}

// Page is a part of the messages that were selected.
type Page struct {
	// Address is where the sandbox is, and its own page.
	Address string
	// Messages are the newest first.
	Messages []Message
	// Total is how many are selected of those that the sandbox keeps.
	Total int
}

// Messages returns what arrived. The error wraps [store.ErrNotFound] where no sandbox answers.
func (in *Inbox) Messages(ctx context.Context, q Query) (*Page, error) {
	q.Limit = min(q.Limit, MaxLimit)
	at, err := in.Address(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	a, err := in.ask(ctx, at, q)
	if err != nil {
		return nil, in.gone(ctx, err)
	}
	out := &Page{Address: at, Messages: *a.Messages, Total: *a.Total}
	for i := range out.Messages {
		in.hide(&out.Messages[i])
	}
	return out, nil
}

// Message returns one message. The error wraps [store.ErrNotFound] where no sandbox answers, and for an unknown one.
func (in *Inbox) Message(ctx context.Context, id int) (*Message, error) {
	at, err := in.Address(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	var m Message
	if err := in.get(ctx, at+"/sandbox/api/messages/"+strconv.Itoa(id), &m); err != nil {
		if s, ok := errors.AsType[statusError](err); ok && s == http.StatusNotFound {
			return nil, fmt.Errorf("the sandbox keeps no message %d: %w", id, store.ErrNotFound)
		}
		return nil, in.gone(ctx, err)
	}
	in.hide(&m)
	return &m, nil
}

// gone is the error of a sandbox that answered a moment ago.
func (*Inbox) gone(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Cause(ctx)
	}
	return store.Missing("the sandbox does not answer any more: %s", err.Error())
}

// hide hides secrets in what a message says, and makes lists of what is missing.
func (in *Inbox) hide(m *Message) {
	c := &m.Content
	m.Time = m.Time.UTC()
	texts := []*string{&m.Robot, &m.Group, &c.Title, &c.Text, &c.URL, &c.PictureURL}
	for i := range c.Buttons {
		texts = append(texts, &c.Buttons[i].Title, &c.Buttons[i].URL)
	}
	for i := range c.Links {
		texts = append(texts, &c.Links[i].Title, &c.Links[i].URL, &c.Links[i].PictureURL)
	}
	for _, t := range texts {
		*t = in.o.Mask(*t)
	}
	m.To, c.Buttons, c.Links = append([]string{}, m.To...), append([]Button{}, c.Buttons...), append([]Link{}, c.Links...)
	m.Mentions.Notified, m.Mentions.Ignored = append([]string{}, m.Mentions.Notified...), append([]Ignored{}, m.Mentions.Ignored...)
}
