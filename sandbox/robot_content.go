package sandbox

import (
	"strings"
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
	Text       string   `json:"text,omitempty"`
	URL        string   `json:"url,omitempty"`
	PictureURL string   `json:"picture_url,omitempty"`
	Buttons    []Button `json:"buttons,omitempty"`
	// SideBySide puts the buttons of an actionCard into one row.
	SideBySide bool       `json:"side_by_side,omitempty"`
	Links      []FeedLink `json:"links,omitempty"`
}

// Button is a button of an actionCard.
type Button struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// FeedLink is an entry of a feedCard.
type FeedLink struct {
	Title      string `json:"title"`
	URL        string `json:"url"`
	PictureURL string `json:"picture_url"`
}

// readable is the text in which DingTalk looks for keywords.
func (c Content) readable() string {
	parts := []string{c.Title, c.Text}
	for _, l := range c.Links {
		parts = append(parts, l.Title)
	}
	return strings.Join(parts, "\n")
}

// readContent reads the msgtype and its object. The content holds what could be
// read even when something is missing, so that a keyword can be looked for in it.
//
// Codes are 400N0x, N being the type and x the field, from 1 for the object itself.
// 400201, 400401, 400402 and 400602 are observed, the others follow from the order
// of the fields.
func readContent(body map[string]any) (msgtype string, c Content, r *refusal) {
	msgtype, _ = body["msgtype"].(string)
	f := fields{path: msgtype}
	switch msgtype {
	case TypeText:
		f.open(body, 400201)
		c.Text = f.need("content", 400202)
	case TypeLink:
		f.open(body, 400301)
		c.Title = f.need("title", 400302)
		c.Text = f.need("text", 400303)
		c.URL = f.need("messageUrl", 400304)
		c.PictureURL = f.may("picUrl")
	case TypeMarkdown:
		f.open(body, 400401)
		c.Title = f.need("title", 400402)
		c.Text = f.need("text", 400403)
	case TypeActionCard:
		f.open(body, 400501)
		c.Title = f.need("title", 400502)
		c.Text = f.need("text", 400503)
		c.Buttons = readButtons(&f)
		c.SideBySide = f.may("btnOrientation") == "1" || f.object["btnOrientation"] == 1.0
	case TypeFeedCard:
		f.open(body, 400601)
		c.Links = readFeedLinks(&f)
	default:
		return msgtype, c, refuse(400105)
	}
	return msgtype, c, f.missing
}

// readButtons reads the form with a single button, or else the list of buttons:
// with the single fields set, the list has no effect.
func readButtons(f *fields) []Button {
	if f.may("singleTitle") != "" || f.may("singleURL") != "" || f.object["btns"] == nil {
		return []Button{{Title: f.need("singleTitle", 400504), URL: f.need("singleURL", 400505)}}
	}
	var out []Button
	for _, btn := range f.list("btns", 400506) {
		out = append(out, Button{Title: btn.need("title", 400507), URL: btn.need("actionURL", 400508)})
		f.adopt(btn)
	}
	return out
}

func readFeedLinks(f *fields) []FeedLink {
	var out []FeedLink
	for _, link := range f.list("links", 400602) {
		out = append(out, FeedLink{
			Title:      link.need("title", 400603),
			URL:        link.need("messageURL", 400604),
			PictureURL: link.need("picURL", 400605),
		})
		f.adopt(link)
	}
	return out
}

// fields reads the fields of a JSON object and keeps the first thing that is missing.
type fields struct {
	path    string
	object  map[string]any
	missing *refusal
}

// open reads the object that has the path's name in the body.
func (f *fields) open(body map[string]any, code int) {
	object, ok := body[f.path].(map[string]any)
	if !ok {
		f.miss(code, f.path)
	}
	f.object = object
}

// need reads a text that must be there and not be empty.
func (f *fields) need(name string, code int) string {
	text := f.may(name)
	if text == "" {
		f.miss(code, f.path+" --》 "+name)
	}
	return text
}

func (f *fields) may(name string) string {
	text, _ := f.object[name].(string)
	return text
}

// list reads objects, of which there must be at least one. Something else in the
// list reads as an empty object, whose fields are then missing.
func (f *fields) list(name string, code int) []*fields {
	path := f.path + " --》 " + name
	items, _ := f.object[name].([]any)
	if len(items) == 0 {
		f.miss(code, path)
	}
	out := make([]*fields, len(items))
	for i, item := range items {
		object, _ := item.(map[string]any)
		out[i] = &fields{path: path, object: object}
	}
	return out
}

// adopt takes over what is missing in an entry of a list.
func (f *fields) adopt(item *fields) {
	if f.missing == nil {
		f.missing = item.missing
	}
}

func (f *fields) miss(code int, path string) {
	if f.missing == nil {
		f.missing = missing(code, path)
	}
}
