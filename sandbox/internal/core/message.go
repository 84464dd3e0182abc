package core

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The msgtypes that a custom robot takes.
const (
	TypeText       = "text"
	TypeLink       = "link"
	TypeMarkdown   = "markdown"
	TypeActionCard = "actionCard"
	TypeFeedCard   = "feedCard"
)

// Content is what a message says. Which fields are set depends on the msgtype:
// text has Text; link Title, Text, URL and perhaps PictureURL; markdown Title and
// Text; actionCard these two and Buttons; feedCard Links.
type Content struct {
	// Title is shown in the list of chats; only link messages show it in the chat, too.
	Title string `json:"title,omitempty"`
	// Text is plain for text and link, Markdown for markdown and actionCard.
	Text string `json:"text,omitempty"`
	// Markdown says that the Text of a card is Markdown.
	Markdown   bool     `json:"markdown,omitempty"`
	URL        string   `json:"url,omitempty"`
	PictureURL string   `json:"picture_url,omitempty"`
	Buttons    []Button `json:"buttons,omitempty"`
	// SideBySide puts the buttons of an actionCard into one row.
	SideBySide bool       `json:"side_by_side,omitempty"`
	Links      []FeedLink `json:"links,omitempty"`
}

// Button is a button of an actionCard or of a card.
type Button struct {
	Title string `json:"title"`
	URL   string `json:"url"`
	// Action is the actionId of a button that calls the app back; those of an actionCard have none.
	Action string `json:"action,omitempty"`
	// Style is primary, danger or empty.
	Style    string `json:"style,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
}

// FeedLink is an entry of a feedCard.
type FeedLink struct {
	Title      string `json:"title"`
	URL        string `json:"url"`
	PictureURL string `json:"picture_url"`
}

// Readable is the text in which DingTalk looks for keywords.
func (c Content) Readable() string {
	parts := []string{c.Title, c.Text}
	for _, l := range c.Links {
		parts = append(parts, l.Title)
	}
	return strings.Join(parts, "\n")
}

// The types that messages of bots have besides those of custom robots.
const (
	TypeImage = "image"
	TypeFile  = "file"
	TypeAudio = "audio"
	TypeVideo = "video"
	TypeCard  = "card"
)

// Message is a message that arrived.
type Message struct {
	// ID counts from 1 and goes on after a clear.
	ID int `json:"id"`
	// Time is when it arrived, by the sandbox's clock.
	Time time.Time `json:"time"`
	// Robot and Group are the names at that time. A bot has the name of its app, which
	// also stands for the group in messages to people.
	Robot string `json:"robot"`
	Group string `json:"group"`
	// To are the user ids of people whom a bot wrote to, outside of a group.
	To []string `json:"to,omitempty"`
	// Conversation is the conversationId that a bot wrote to, as its app knows it; empty for custom robots.
	Conversation string `json:"conversation,omitempty"`
	// ReplyTo is the msgId of the message that this one answers through its sessionWebhook.
	ReplyTo string `json:"reply_to,omitempty"`
	// Key is the processQueryKey of a bot's message and the outTrackId of a card.
	Key string `json:"key,omitempty"`
	// Recalled messages are seen by nobody any more.
	Recalled bool `json:"recalled,omitempty"`
	// Type is DingTalk's msgtype, or the one that a bot's template draws like.
	Type     string   `json:"type"`
	Content  Content  `json:"content"`
	Mentions Mentions `json:"mentions"`
	RemoteIP string   `json:"remote_ip"`
	// Raw is the body as it was sent.
	Raw json.RawMessage `json:"raw"`
}

// Filter selects messages. Empty fields select all.
type Filter struct {
	// Robot is a name.
	Robot string
	// Type is a msgtype.
	Type string
	// Text must occur in what people read: title, text, buttons or links, in any case.
	Text string
	// After selects messages with a higher ID.
	After int
	// Conversation is a conversationId.
	Conversation string
}

func (f Filter) match(m Message) bool {
	return m.ID > f.After &&
		(f.Robot == "" || f.Robot == m.Robot) &&
		(f.Type == "" || f.Type == m.Type) &&
		(f.Conversation == "" || f.Conversation == m.Conversation) &&
		(f.Text == "" || strings.Contains(strings.ToLower(m.searchable()), strings.ToLower(f.Text)))
}

func (m Message) searchable() string {
	parts := []string{m.Content.Readable()}
	for _, b := range m.Content.Buttons {
		parts = append(parts, b.Title)
	}
	return strings.Join(parts, "\n")
}

// Mentions says who was notified of a message by name. Everybody else in the group
// only sees it.
type Mentions struct {
	// All says that the whole group was notified. The lists are empty then.
	All bool `json:"all,omitempty"`
	// Notified are mobiles and user ids as the message has them, each person once.
	Notified []string `json:"notified,omitempty"`
	// Ignored are mentions that notified nobody.
	Ignored []IgnoredMention `json:"ignored,omitempty"`
}

// IgnoredMention is a mention that notified nobody, and why not.
type IgnoredMention struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// String says who was notified and who was not: "notified: 13800000000 · not
// notified: u2 (the text does not contain @u2)".
func (m Mentions) String() string {
	who := strings.Join(m.Notified, ", ")
	if m.All {
		who = "everyone"
	}
	if who == "" {
		who = "nobody"
	}
	parts := []string{"notified: " + who}
	for _, i := range m.Ignored {
		parts = append(parts, fmt.Sprintf("not notified: %s (%s)", i.ID, i.Reason))
	}
	return strings.Join(parts, " · ")
}
