package core

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The types of what an app gets over its stream.
const (
	// PushEvent is something that happened in the organisation.
	PushEvent = "EVENT"
	// PushCallback is a message to the bot or a press on a card.
	PushCallback = "CALLBACK"
)

// Push is what the platform sends to an app by itself.
type Push struct {
	// Type is one of the types above, Topic what connections subscribe to; "*" for all events.
	Type, Topic string
	// Headers are further headers of the frame.
	Headers map[string]string
	// Data writes the JSON. base is the address at which the app has reached the sandbox.
	Data func(base string) []byte
	// Answered gets the first answer; nil if nobody asks. It is called under the lock.
	Answered func(PushAnswer)
}

// PushAnswer is what an app answers to a [Push].
type PushAnswer struct {
	// Code is 200 for what was taken.
	Code    int    `json:"code"`
	Message string `json:"message,omitempty"`
	// Data is JSON as text.
	Data string `json:"data,omitempty"`
}

// Pusher is the stream as the families use it. It is called under the lock.
type Pusher interface {
	// Push sends to one of the app's connections, now or once there is one, and returns
	// the number of the delivery.
	Push(app *App, p Push) int
}

// Reply is where a bot answers what somebody wrote.
type Reply struct {
	App *App
	// Chat is nil between two.
	Chat *Chat
	// UserID is empty for somebody from outside the organisation.
	UserID string
	// Conversation is the id of the conversation between two or in the group, and Message what is answered.
	Conversation, Message string
}

// Replies is what the core asks of the addresses for replies. It is called under the lock.
type Replies interface {
	// Open returns the path and query of a sessionWebhook, and when it expires.
	Open(Reply) (path string, expires time.Time)
	// Take shows a reply that came as the answer to a callback. Without anything to show it returns zero.
	Take(to Reply, body []byte, now time.Time) (messageID int, err error)
}

// conversationOf is the id of the conversation between a bot and one person.
func conversationOf(appKey, who string) string {
	return "cid" + digest(appKey+"\x00"+who, 22) + "=="
}

// OneToOne is the id of the conversation between a bot and a person, of whom who is the user id, or
// the nick of somebody from outside.
func OneToOne(app *App, who string) string { return conversationOf(app.AppKey, who) }

// LastMessage is the id of the newest message. The caller holds the lock.
func (c *Core) LastMessage() int { return c.Inbox.lastMessage }

// BaseOf is the address at which a request reached the sandbox, with the path in front of it.
func BaseOf(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	whole, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		return scheme + "://" + r.Host
	}
	return scheme + "://" + r.Host + strings.TrimSuffix(whole.EscapedPath(), r.URL.EscapedPath())
}

const (
	// callbackPatience is how long the platform waits for the answer to a callback.
	callbackPatience = 5 * time.Second
	// maxAnswer bounds what is read of one.
	maxAnswer = 1 << 20
)

// Post sends a callback over HTTP and returns what came back. It must not be called under the lock.
func (c *Core) Post(ctx context.Context, to string, header http.Header, body []byte) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, callbackPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("address of the callback: %w", err)
	}
	req.Header = header.Clone()
	req.Header.Set("Content-Type", contentTypeJSON)
	// No connection is kept: nobody would close it.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("callback: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return resp.StatusCode, nil, fmt.Errorf("answer to the callback: %w", err)
	}
	return resp.StatusCode, answer, nil
}
