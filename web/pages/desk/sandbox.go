package desk

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api/inbox"
	"github.com/dingdag/dingdag/web/pages/page"
)

// perInbox is how many messages a page of the inbox has.
const perInbox = 20

// inboxData is a part of the inbox of the sandbox.
type inboxData struct {
	page.Pager

	Messages []message
	// Total is how many there are on all pages, Address the page of the sandbox itself.
	Total   int
	Address string
	// Types are those to choose from; the others are the filters as they were sent.
	Types             []string
	Robot, Type, Text string
	Filtered          bool
}

// message is one with what its page makes of it.
type message struct {
	inbox.Message

	// Links are where its parts lead, Pictures where the pictures are that it has.
	Links, Pictures []link
}

// link is a place that a message leads to. To is empty for one that a browser must not open from here, and Text says what it is.
type link struct{ Title, To, Text string }

// linkOf is a link as a page may have it: to a place on the web and nowhere else.
func linkOf(title, to string) link {
	l := link{Title: title, Text: to}
	if u, err := url.Parse(to); err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") {
		l.To = to
	}
	return l
}

func messageOf(m inbox.Message) message {
	out, c := message{Message: m}, &m.Content
	if c.URL != "" {
		out.Links = append(out.Links, linkOf("", c.URL))
	}
	if c.PictureURL != "" {
		out.Pictures = append(out.Pictures, linkOf("", c.PictureURL))
	}
	for _, b := range c.Buttons {
		l := linkOf(b.Title, b.URL)
		if b.URL == "" {
			l.Text = b.Action
		}
		out.Links = append(out.Links, l)
	}
	for _, x := range c.Links {
		out.Links = append(out.Links, linkOf(x.Title, x.URL))
	}
	return out
}

// inboxTime is how long a page waits to know whether a sandbox answers.
const inboxTime = 300 * time.Millisecond

// HasInbox reports whether a sandbox answers: the page of its inbox is one of the pages only then.
func HasInbox(ctx context.Context, in *inbox.Inbox) bool {
	ctx, cancel := context.WithTimeout(ctx, inboxTime)
	defer cancel()
	return in.There(ctx)
}

// showInbox shows what the sandbox received. Those who see some DAGs alone see none of it: a message does not say whose it is.
func (d *Desk) showInbox(r page.Request) error {
	if r.Who().Sees != nil {
		return page.Forbidden()
	}
	f := r.HTTP().URL.Query()
	n, err := page.At(r.HTTP())
	if err != nil {
		return err
	}
	data := inboxData{Types: inbox.Types(), Robot: strings.TrimSpace(f.Get("robot")), Type: f.Get("type"), Text: strings.TrimSpace(f.Get("q"))}
	if data.Type != "" && !slices.Contains(data.Types, data.Type) {
		return page.Wrong("error.word")
	}
	data.Filtered = data.Robot+data.Type+data.Text != ""
	got, err := d.o.Inbox.Messages(r.HTTP().Context(), inbox.Query{Robot: data.Robot, Type: data.Type, Text: data.Text, Limit: perInbox, Offset: (n - 1) * perInbox})
	if err != nil {
		return err
	}
	data.Pager, data.Total, data.Address = page.Paged(n, got.Total, perInbox), got.Total, got.Address
	for _, m := range got.Messages {
		data.Messages = append(data.Messages, messageOf(m))
	}
	return r.Show(page.Head{Name: "desk_sandbox", Nav: "system", Title: r.Say("sandbox.title"), Live: true}, data)
}
