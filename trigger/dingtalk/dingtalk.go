// Package dingtalk holds the trigger of what comes from DingTalk: messages to the bot of an
// application, presses of buttons of its cards, and events of the organisation.
package dingtalk

import (
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/trigger"
)

//go:generate go run github.com/dingdag/dingdag/params/docgen

//go:embed docs_gen.json
var docsJSON string

// Name is the short name of the trigger.
const Name = "dingtalk"

// The kinds of what comes.
const (
	KindMessage = "message"
	KindCard    = "card"
	KindEvent   = "event"
)

// What the payload of an event holds.
const (
	payloadFields = "fields"
	payloadText   = "text"
	payloadRaw    = "raw"
)

// Specs returns the triggers of this package.
func Specs() []trigger.Spec {
	return []trigger.Spec{trigger.Define[Trigger](Name, trigger.Docs(params.ParseDocs(docsJSON)),
		trigger.Example("Messages in a group", `
dingtalk_conn_id: dingtalk_default
conversation_id: cidKGDkfXJHQXwOkWTLTFgrYg==
regex: '^deploy (?P<service>[a-z-]+)$'
`),
		trigger.Example("A button of a card", `
kind: card
action_id: approve
card_params: {stage: production}
`),
		trigger.Example("People who join or leave", `
kind: event
event_type: [user_add_org, user_leave_org]
`),
	)}
}

// Trigger waits for what comes from DingTalk through the connection of an application: in stream mode,
// or over HTTP.
//
// Every condition that is given must hold; of a list, one. Without conditions everything of the kind
// matches. A message that is a command of the chat is no event, unless the command is refused as unknown.
type Trigger struct {
	// Conn is the connection of the application, or of an outgoing robot, through which it comes.
	Conn string `yaml:"dingtalk_conn_id" param:"default=dingtalk_default"`
	// Kind is what comes: a message to the bot, the press of a button of a card, or an event of the
	// organisation.
	Kind string `yaml:"kind" param:"default=message,enum=message|card|event"`
	// Contains is text that a message must contain, upper and lower case alike; of several texts, one.
	Contains []string `yaml:"contains" param:"single"`
	// Regex is a regular expression (RE2) that must match somewhere in the text of a message. Its
	// named groups are in the payload under match.
	Regex string `yaml:"regex"`
	// ConversationID is the conversation in which it was written or pressed: openConversationId.
	ConversationID []string `yaml:"conversation_id" param:"single"`
	// UserID is who wrote or pressed: userid. People outside the organisation have none.
	UserID []string `yaml:"user_id" param:"commas,digits"`
	// Outsiders lets people outside the organisation in, whom nothing but a nickname names.
	Outsiders bool `yaml:"outsiders" param:"default=false"`
	// Msgtype is DingTalk's type of a message: text, richText, picture, audio, video or file.
	Msgtype []string `yaml:"msgtype" param:"commas"`
	// EventType is the type of an event, such as user_add_org.
	EventType []string `yaml:"event_type" param:"commas"`
	// ActionID is the id of what was pressed in a card.
	ActionID []string `yaml:"action_id" param:"commas"`
	// CardParams are what a card must send with a press, by name; all of them.
	CardParams map[string]string `yaml:"card_params" param:"digits"`
	// Payload is what templates see as extra.payload: fields is an object with the parts that have a
	// name here, text only the text of a message, and raw all that DingTalk sent, without the address for
	// answers.
	Payload string `yaml:"payload" param:"default=fields,enum=fields|text|raw"`

	regex *regexp.Regexp
}

var (
	_ trigger.Trigger  = (*Trigger)(nil)
	_ params.Validator = (*Trigger)(nil)
)

// Validate refuses conditions that what comes can never meet.
func (t *Trigger) Validate() error {
	var errs []error
	for _, c := range []struct {
		field string
		given bool
		kinds []string
	}{
		{"contains", len(t.Contains) > 0, []string{KindMessage}},
		{"regex", t.Regex != "", []string{KindMessage}},
		{"msgtype", len(t.Msgtype) > 0, []string{KindMessage}},
		{"conversation_id", len(t.ConversationID) > 0, []string{KindMessage, KindCard}},
		{"user_id", len(t.UserID) > 0, []string{KindMessage, KindCard}},
		{"outsiders", t.Outsiders, []string{KindMessage}},
		{"event_type", len(t.EventType) > 0, []string{KindEvent}},
		{"action_id", len(t.ActionID) > 0, []string{KindCard}},
		{"card_params", len(t.CardParams) > 0, []string{KindCard}},
	} {
		if c.given && !slices.Contains(c.kinds, t.Kind) {
			errs = append(errs, params.At(c.field, fmt.Errorf("%s: kind %s has none, it belongs to kind %s", c.field, t.Kind, strings.Join(c.kinds, " and "))))
		}
	}
	if t.Payload == payloadText && t.Kind != KindMessage {
		errs = append(errs, params.At("payload", fmt.Errorf("kind %s has no text: write fields or raw", t.Kind)))
	}
	for _, c := range []struct {
		field  string
		values []string
	}{
		{"contains", t.Contains},
		{"conversation_id", t.ConversationID},
		{"user_id", t.UserID},
		{"msgtype", t.Msgtype},
		{"event_type", t.EventType},
		{"action_id", t.ActionID},
	} {
		if slices.ContainsFunc(c.values, func(s string) bool { return strings.TrimSpace(s) == "" }) {
			errs = append(errs, params.At(c.field, errors.New("has an empty text, which says nothing")))
		}
	}
	if t.Outsiders && len(t.UserID) > 0 {
		errs = append(errs, params.At("outsiders", errors.New("people outside the organisation have no userid: leave out user_id")))
	}
	return errors.Join(append(errs, params.At("regex", t.compile()))...)
}

// compile reads the regular expression.
func (t *Trigger) compile() (err error) {
	if t.Regex == "" {
		return nil
	}
	if t.regex, err = regexp.Compile(t.Regex); err != nil {
		return fmt.Errorf("is not a regular expression of RE2: %w", err)
	}
	return nil
}

// Awaits says what is waited for, such as "message with deploy through dingtalk_default".
func (t *Trigger) Awaits() string {
	words := []string{t.Kind}
	add := func(before string, values []string) {
		if len(values) > 0 {
			words = append(words, before+strings.Join(values, " or "))
		}
	}
	add("", t.EventType)
	add("", t.ActionID)
	add("with ", t.Contains)
	if t.Regex != "" {
		words = append(words, "like "+t.Regex)
	}
	add("by ", t.UserID)
	add("in ", t.ConversationID)
	return strings.Join(append(words, "through "+t.Conn), " ")
}
