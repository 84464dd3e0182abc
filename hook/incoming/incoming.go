// Package incoming reads what DingTalk sends to an application: messages to its bot, presses of
// the buttons of its cards, and events of the organisation. They come with the same content
// through stream mode and over HTTP; over HTTP they also have to be verified ([VerifyRobot],
// [VerifyCard]) or decrypted ([Crypto]).
package incoming

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/dingdag/dingdag/connections"
)

// QuotaSpent is the [Message.ErrorCode] of a message that came without its content, since the
// organisation has used up what bots may receive in this month.
const QuotaSpent = "20001"

// maxID bounds ids in bytes: they become keys of rows.
const maxID = 512

// Message is a message to the bot of an application.
type Message struct {
	// ID is the same each time that DingTalk delivers the message.
	ID string
	// ConversationID begins with cid. That of a group is its openConversationId.
	ConversationID, ConversationTitle string
	// Group says that it was written in a group, not to the bot alone.
	Group bool
	// Mentioned says that it mentions the bot, without which groups deliver none.
	Mentioned bool
	Sender    Sender
	// Kind is DingTalk's msgtype: text, richText, picture, audio, video or file.
	Kind string
	// Text is what people wrote, without spaces around it; of audio, what DingTalk
	// recognised. It is empty for other kinds.
	Text string
	// RobotCode is the bot's.
	RobotCode string
	// At is when it was written, by DingTalk's clock; zero if DingTalk did not say.
	At    time.Time
	Reply Reply
	// ErrorCode says why there is no content; see [QuotaSpent].
	ErrorCode string
	// Raw is the payload without sessionWebhook.
	Raw json.RawMessage
}

// Sender is who wrote a message.
type Sender struct {
	// UserID is empty for people outside the organisation, and for all as long as the bot is not published.
	UserID string
	Nick   string
	// ID is an encrypted id, which no call takes.
	ID     string
	CorpID string
	// Admin says that it is an administrator of the organisation.
	Admin bool
}

// Reply is where answers to a message go, for about 90 minutes.
type Reply struct {
	// URL is a credential: whoever has it writes into the conversation.
	URL     connections.Secret
	Expires time.Time
}

// Alive reports whether answers can go there at a time.
func (r Reply) Alive(at time.Time) bool {
	return r.URL != "" && (r.Expires.IsZero() || at.Before(r.Expires))
}

// number is one that DingTalk may write as text.
type number int64

// UnmarshalJSON reads 12, "12" and "".
func (n *number) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if text == "" || text == "null" {
		return nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, ferr := strconv.ParseFloat(text, 64)
		if ferr != nil || !(f > -1e15 && f < 1e15) {
			return fmt.Errorf("%s is not a number", excerpt(text))
		}
		v = int64(f)
	}
	*n = number(v)
	return nil
}

// time is a moment in milliseconds, zero for what no clock shows.
func (n number) time() time.Time {
	const most = 1 << 43 // the year 2248
	if n <= 0 || n > most {
		return time.Time{}
	}
	return time.UnixMilli(int64(n)).UTC()
}

// word is text that DingTalk may write as a number or a boolean.
type word string

// UnmarshalJSON reads "2", 2 and true.
func (w *word) UnmarshalJSON(data []byte) error {
	switch {
	case bytes.Equal(data, []byte("null")):
		return nil
	case len(data) > 0 && data[0] == '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		*w = word(s)
		return nil
	case len(data) > 0 && (data[0] == '{' || data[0] == '['):
		return errors.New("it is not text")
	}
	*w = word(data)
	return nil
}

// wireMessage is the payload of a bot message.
type wireMessage struct {
	ConversationID    word        `json:"conversationId"`
	ConversationType  word        `json:"conversationType"`
	ConversationTitle word        `json:"conversationTitle"`
	MsgID             word        `json:"msgId"`
	MsgType           word        `json:"msgtype"`
	Text              wireText    `json:"text"`
	Content           wireContent `json:"content"`
	SenderID          word        `json:"senderId"`
	SenderStaffID     word        `json:"senderStaffId"`
	SenderNick        word        `json:"senderNick"`
	SenderCorpID      word        `json:"senderCorpId"`
	IsAdmin           word        `json:"isAdmin"`
	RobotCode         word        `json:"robotCode"`
	IsInAtList        word        `json:"isInAtList"`
	CreateAt          number      `json:"createAt"`
	SessionWebhook    word        `json:"sessionWebhook"`
	SessionExpires    number      `json:"sessionWebhookExpiredTime"`
	ErrorCode         word        `json:"errorCode"`
}

// lenient keeps what is not of the kind that is wanted from spoiling the rest.
type lenient[T any] struct{ value T }

// UnmarshalJSON leaves the zero value for what does not fit.
func (l *lenient[T]) UnmarshalJSON(data []byte) error {
	var v T
	if json.Unmarshal(data, &v) == nil {
		l.value = v
	}
	return nil
}

type wireText = lenient[struct {
	Content word `json:"content"`
}]

type wireContent = lenient[struct {
	Recognition word                `json:"recognition"`
	RichText    []lenient[wirePart] `json:"richText"`
}]

type wirePart struct {
	Text word `json:"text"`
}

// ParseMessage reads the payload of a message to a bot. The error says which field is
// missing or wrong.
func ParseMessage(data []byte) (*Message, error) {
	var w wireMessage
	if err := decode("bot message", data, &w); err != nil {
		return nil, err
	}
	m := &Message{
		ID: string(w.MsgID), ConversationID: string(w.ConversationID), ConversationTitle: clean(string(w.ConversationTitle)),
		Group: w.ConversationType == "2", Mentioned: w.IsInAtList == "true",
		Sender: Sender{
			UserID: string(w.SenderStaffID), Nick: clean(string(w.SenderNick)), ID: string(w.SenderID), CorpID: string(w.SenderCorpID),
			Admin: w.IsAdmin == "true",
		},
		Kind: string(w.MsgType), RobotCode: string(w.RobotCode), At: w.CreateAt.time(),
		Reply:     Reply{URL: connections.Secret(w.SessionWebhook), Expires: w.SessionExpires.time()},
		ErrorCode: string(w.ErrorCode),
	}
	if m.ErrorCode == "0" {
		m.ErrorCode = ""
	}
	m.Text = w.text()
	var errs []error
	for _, f := range []struct {
		name, value string
		optional    bool
	}{
		{"msgId", m.ID, false},
		{"conversationId", m.ConversationID, false},
		{"msgtype", m.Kind, m.ErrorCode != ""},
		{"senderStaffId", m.Sender.UserID, true},
		{"senderId", m.Sender.ID, true},
		{"senderCorpId", m.Sender.CorpID, true},
		{"robotCode", m.RobotCode, true},
	} {
		errs = append(errs, checkID(f.name, f.value, f.optional))
	}
	if w.ConversationType != "1" && w.ConversationType != "2" {
		errs = append(errs, fmt.Errorf(`conversationType is %s, not "1" or "2"`, excerpt(string(w.ConversationType))))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("bot message: %w", err)
	}
	var err error
	if m.Raw, err = without(data, "sessionWebhook"); err != nil {
		return nil, fmt.Errorf("bot message: %w", err)
	}
	return m, nil
}

// text is what the message says.
func (w *wireMessage) text() string {
	switch w.MsgType {
	case "text":
		return strings.TrimSpace(clean(string(w.Text.value.Content)))
	case "audio":
		return strings.TrimSpace(clean(string(w.Content.value.Recognition)))
	case "richText":
		var b strings.Builder
		for _, part := range w.Content.value.RichText {
			if text := clean(string(part.value.Text)); text != "" {
				b.WriteString(text)
			} else {
				b.WriteByte(' ') // a picture stands between words
			}
		}
		return strings.TrimSpace(b.String())
	}
	return ""
}

// decode reads a JSON object. The error holds nothing of it but the name of a field.
func decode(what string, data []byte, into any) error {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return fmt.Errorf("%s: it is not a JSON object", what)
	}
	if err := json.Unmarshal(data, into); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return fmt.Errorf("%s: broken JSON at byte %d", what, syntax.Offset)
		}
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return fmt.Errorf("%s: %s is a JSON %s", what, wrong.Field, wrong.Value)
		}
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// without returns an object without a member, in whatever case it is written: encoding/json
// reads it in any.
func without(data []byte, name string) (json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	for key := range members {
		if strings.EqualFold(key, name) {
			delete(members, key)
		}
	}
	return json.Marshal(members)
}

// checkID reports what no id is: absent, overlong, or with control characters, which no
// database and no log takes.
func checkID(name, value string, optional bool) error {
	switch {
	case value == "" && !optional:
		return fmt.Errorf("%s is missing", name)
	case len(value) > maxID:
		return fmt.Errorf("%s has %d bytes; at most %d are accepted", name, len(value), maxID)
	case strings.ContainsFunc(value, unicode.IsControl):
		return fmt.Errorf("%s has control characters", name)
	}
	return nil
}

// clean drops the null characters that databases do not take.
func clean(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// excerpt quotes the beginning of a text for an error.
func excerpt(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strconv.Quote(s)
}
