package hook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxBodyBytes is what DingTalk takes as the body of one request, for every
	// message type. It counts the bytes of the JSON, not the characters of the text.
	MaxBodyBytes = 20000
	// MaxParts is how many parts a long message is split into at most. More would
	// run into DingTalk's limit of 20 messages a minute and block the robot.
	MaxParts = 20
	// MaxMentions is how many people one message may notify.
	MaxMentions = 50
)

// minPartBytes is the least room for text that makes splitting worthwhile.
const minPartBytes = 1000

// Prepared is what a message looks like on the wire.
type Prepared struct {
	// Bodies are the JSON bodies in the order they are sent: one, or several when
	// the message was split.
	Bodies [][]byte
	// Warnings say what will not have the effect that was probably meant.
	Warnings []string
}

// wireMessage is the JSON that DingTalk takes. Only one of the contents is set.
type wireMessage struct {
	MsgType    string       `json:"msgtype"`
	MsgUUID    string       `json:"msgUuid,omitempty"`
	Text       *wireContent `json:"text,omitempty"`
	Link       any          `json:"link,omitempty"`
	Markdown   any          `json:"markdown,omitempty"`
	ActionCard any          `json:"actionCard,omitempty"`
	FeedCard   any          `json:"feedCard,omitempty"`
	At         *wireAt      `json:"at,omitempty"`
}

type wireContent struct {
	Content any `json:"content"`
}

// wireAt is Airflow's at block: atMobiles is null when nobody is named.
type wireAt struct {
	AtMobiles []string `json:"atMobiles"`
	AtUserIDs []string `json:"atUserIds,omitempty"`
	IsAtAll   bool     `json:"isAtAll"`
}

// Prepare checks a message and encodes it without sending anything and without
// looking at the connection. [DingdingHook.Send] sends exactly what it returns.
// The error is an [*Error] of kind invalid.
func Prepare(m RobotMessage) (*Prepared, error) {
	m.Resume = ""
	p, err := prepare(&m, nil)
	if err != nil {
		return nil, &Error{Op: "prepare robot message", Kind: KindInvalid, Err: err}
	}
	return &Prepared{Bodies: p.bodies, Warnings: p.warnings}, nil
}

// checkType refuses an unknown message type. The text ends with the received one,
// as Airflow's does.
func checkType(typ string) error {
	types := MessageTypes()
	if slices.Contains(types, typ) {
		return nil
	}
	plain := strings.NewReplacer("_", "", "-", "", " ", "").Replace(typ)
	for _, known := range types {
		if strings.EqualFold(known, plain) {
			return fmt.Errorf("unsupported message_type (did you mean %s?): supported are %s, received %s",
				known, strings.Join(types, ", "), typ)
		}
	}
	return fmt.Errorf("unsupported message_type: supported are %s, received %s", strings.Join(types, ", "), typ)
}

func isEmpty(message any) bool {
	switch v := message.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// readableText returns the text of a message that mentions and splitting work on.
func readableText(typ string, message any) (string, bool) {
	switch typ {
	case TypeText:
		text, ok := message.(string)
		return text, ok
	case TypeMarkdown, TypeActionCard:
		fields, ok := message.(map[string]any)
		if !ok {
			return "", false
		}
		text, ok := fields["text"].(string)
		return text, ok
	}
	return "", false
}

// withText returns the message with another text and a longer title. The
// caller's map is left alone.
func withText(typ string, message any, text, titleSuffix string) any {
	fields, ok := message.(map[string]any)
	if typ == TypeText || !ok {
		return text
	}
	fields = maps.Clone(fields)
	fields["text"] = text
	if title, ok := fields["title"].(string); ok {
		fields["title"] = title + titleSuffix
	}
	return fields
}

// atBlock returns the at block: always for text and markdown, as Airflow sends
// it; for actionCard only when somebody is mentioned; never for the others.
func atBlock(m *RobotMessage, typ string) *wireAt {
	switch typ {
	case TypeText, TypeMarkdown:
	case TypeActionCard:
		if !m.mentions() {
			return nil
		}
	default:
		return nil
	}
	return &wireAt{AtMobiles: m.AtMobiles, AtUserIDs: m.AtUserIDs, IsAtAll: m.AtAll}
}

// missingMentions returns what has to be added to a markdown text so that DingTalk
// notifies the people in the at block. With AtAll nothing has to be.
func missingMentions(m *RobotMessage, text string) string {
	if m.AtAll {
		return ""
	}
	var missing []string
	for _, who := range slices.Concat(m.AtMobiles, m.AtUserIDs) {
		if who != "" && !containsMention(text, "@"+who) {
			missing = append(missing, "@"+who)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return "\n\n" + strings.Join(missing, " ")
}

// containsMention reports whether text holds the mention as a whole word: "@138"
// is not in "@1380".
func containsMention(text, mention string) bool {
	for {
		_, after, found := strings.Cut(text, mention)
		if !found {
			return false
		}
		next, _ := utf8.DecodeRuneInString(after)
		// Chinese text follows a number without a space, so only ASCII goes on a word.
		if after == "" || next > unicode.MaxASCII || (!unicode.IsLetter(next) && !unicode.IsDigit(next) && next != '_') {
			return true
		}
		text = after
	}
}

// encoder turns messages into JSON. Its parts are reused.
type encoder struct {
	buf  bytes.Buffer
	json *json.Encoder
	wire wireMessage
	text wireContent
	at   wireAt
}

var encoders = sync.Pool{New: func() any {
	e := &encoder{}
	e.json = json.NewEncoder(&e.buf)
	// "<" as "\u003c" would cost six bytes of the limit.
	e.json.SetEscapeHTML(false)
	return e
}}

func encode(typ string, content any, at *wireAt, uuid string) ([]byte, error) {
	e := encoders.Get().(*encoder)
	defer encoders.Put(e)
	e.buf.Reset()
	e.wire = wireMessage{MsgType: typ, MsgUUID: uuid}
	if at != nil {
		e.at = *at
		e.wire.At = &e.at
	}
	switch typ {
	case TypeText:
		e.text.Content = content
		e.wire.Text = &e.text
	case TypeLink:
		e.wire.Link = content
	case TypeMarkdown:
		e.wire.Markdown = content
	case TypeActionCard:
		e.wire.ActionCard = content
	case TypeFeedCard:
		e.wire.FeedCard = content
	}
	err := e.json.Encode(&e.wire)
	e.wire, e.text, e.at = wireMessage{}, wireContent{}, wireAt{} // keep no message alive
	if err != nil {
		return nil, fmt.Errorf("encode the %s message as JSON: %w", typ, err)
	}
	return bytes.Clone(bytes.TrimSuffix(e.buf.Bytes(), []byte("\n"))), nil
}
