package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/hook/incoming"
)

// The topics that a [Client] knows.
const (
	TopicMessage = "/v1.0/im/bot/messages/get"
	TopicPress   = "/v1.0/card/instances/callback"
	// TopicEvent is all events that the developer console has chosen for the application.
	TopicEvent = "*"
)

// The types of frames.
const (
	typeSystem   = "SYSTEM"
	typeEvent    = "EVENT"
	typeCallback = "CALLBACK"
)

// The codes of answers.
const (
	codeOK       = 200
	codeBad      = 400
	codeNotFound = 404
)

// frame is what the gateway sends.
type frame struct {
	Type    string            `json:"type"`
	Headers map[string]string `json:"headers"`
	Data    string            `json:"data"`
}

func (f *frame) topic() string { return f.Headers["topic"] }
func (f *frame) id() string    { return f.Headers["messageId"] }

// at is when the gateway sent the frame, or now.
func (f *frame) at(now time.Time) time.Time {
	if ms, err := strconv.ParseInt(f.Headers["time"], 10, 64); err == nil && ms > 0 && ms < 1<<43 {
		return time.UnixMilli(ms).UTC()
	}
	return now
}

// answer is what the gateway gets for a frame.
type answer struct {
	Code    int               `json:"code"`
	Headers map[string]string `json:"headers"`
	Message string            `json:"message"`
	Data    string            `json:"data"`
}

func (f *frame) answer(code int, message, data string) *answer {
	return &answer{Code: code, Headers: map[string]string{"messageId": f.id(), "contentType": "application/json"}, Message: message, Data: data}
}

// ok is the answer to a frame that was accepted.
func (f *frame) ok() *answer {
	switch {
	case f.Type == typeEvent:
		return f.answer(codeOK, "OK", `{"status":"SUCCESS","message":"accepted"}`)
	case f.topic() == TopicPress:
		return f.answer(codeOK, "OK", `{"response":{}}`)
	}
	return f.answer(codeOK, "OK", `{"response":null}`)
}

// later makes the gateway deliver the frame again: an event when it is told so, anything
// else when there is no answer.
func (f *frame) later() *answer {
	if f.Type == typeEvent {
		return f.answer(codeOK, "later", `{"status":"LATER","message":"not accepted yet"}`)
	}
	return nil
}

// errTopic says that there is no use for a frame.
var errTopic = errors.New("no handler for the topic")

// read reads what a frame brings.
func (f *frame) read(now time.Time) (*Received, error) {
	r := &Received{Topic: f.topic(), MessageID: f.id(), Sent: f.at(time.Time{})}
	var err error
	switch {
	case f.Type == typeEvent:
		r.Event, err = incoming.ParseEvent(f.Headers, []byte(f.Data))
	case f.Type == typeCallback && f.topic() == TopicMessage:
		if r.Message, err = incoming.ParseMessage([]byte(f.Data)); err == nil && r.Message.At.IsZero() {
			r.Message.At = f.at(now)
		}
	case f.Type == typeCallback && f.topic() == TopicPress:
		r.Press, err = incoming.ParsePress(f.id(), f.at(now), []byte(f.Data))
	default:
		err = errTopic
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func parseFrame(data []byte) (*frame, error) {
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("the gateway sent a frame of %d bytes that is not one", len(data))
	}
	return &f, nil
}

// Received is something that DingTalk sent: a message, a press or an event. The other two
// are nil.
type Received struct {
	Message *incoming.Message
	Press   *incoming.Press
	Event   *incoming.Event
	// Topic is one of the topics, or that of an event.
	Topic string
	// MessageID is the gateway's id of the delivery, Sent when that left by the gateway's clock, zero where it
	// does not say.
	MessageID string
	Sent      time.Time
}

// Key is the same for all deliveries of one thing.
func (r *Received) Key() string {
	switch {
	case r.Message != nil:
		return "message " + r.Message.ID
	case r.Press != nil:
		return "press " + r.Press.ID
	case r.Event != nil:
		return "event " + r.Event.ID
	}
	return ""
}

// Conversation names what belongs together: what has the same one is handled in the order in
// which it came. It is the conversation of a message and that of a card, and for the rest the
// card itself or the organisation.
func (r *Received) Conversation() string {
	switch {
	case r.Message != nil:
		return r.Message.ConversationID
	case r.Press != nil && r.Press.SpaceID != "":
		return r.Press.SpaceID
	case r.Press != nil:
		return "card " + r.Press.OutTrackID
	case r.Event != nil:
		return "events " + r.Event.CorpID
	}
	return ""
}
