package dingtalk

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/hook/incoming"
)

// Said is the payload of a message.
type Said struct {
	Kind              string            `json:"kind"`
	ID                string            `json:"message_id"`
	ConnID            string            `json:"conn_id"`
	ConversationID    string            `json:"conversation_id"`
	ConversationTitle string            `json:"conversation_title"`
	Group             bool              `json:"is_group"`
	UserID            string            `json:"user_id"`
	Nick              string            `json:"nick"`
	Msgtype           string            `json:"msgtype"`
	Text              string            `json:"text"`
	Match             map[string]string `json:"match"`
	At                string            `json:"at"`
}

// Pressed is the payload of a press.
type Pressed struct {
	Kind       string            `json:"kind"`
	ID         string            `json:"press_id"`
	ConnID     string            `json:"conn_id"`
	OutTrackID string            `json:"out_track_id"`
	SpaceID    string            `json:"conversation_id"`
	UserID     string            `json:"user_id"`
	ActionIDs  []string          `json:"action_ids"`
	Params     map[string]string `json:"params"`
	At         string            `json:"at"`
}

// Happened is the payload of an event of the organisation.
type Happened struct {
	Kind   string          `json:"kind"`
	ID     string          `json:"event_id"`
	ConnID string          `json:"conn_id"`
	Type   string          `json:"event_type"`
	CorpID string          `json:"corp_id"`
	Data   json.RawMessage `json:"data"`
	At     string          `json:"at"`
}

// Message reports whether a message through the connection is meant, and its payload. The trigger has been
// decoded.
func (t *Trigger) Message(conn string, m *incoming.Message) (payload any, ok bool) {
	if t.Kind != KindMessage || t.Conn != conn || m.ErrorCode != "" || !among(t.ConversationID, m.ConversationID) || !among(t.Msgtype, m.Kind) {
		return nil, false
	}
	if !among(t.UserID, m.Sender.UserID) || m.Sender.UserID == "" && !t.Outsiders {
		return nil, false
	}
	if len(t.Contains) > 0 && !slices.ContainsFunc(t.Contains, func(s string) bool { return containsFold(m.Text, s) }) {
		return nil, false
	}
	match, ok := t.matched(m.Text)
	switch {
	case !ok:
		return nil, false
	case t.Payload == payloadText:
		return m.Text, true
	case t.Payload == payloadRaw:
		return m.Raw, true
	}
	return Said{
		KindMessage, m.ID, conn, m.ConversationID, m.ConversationTitle, m.Group, m.Sender.UserID, m.Sender.Nick, m.Kind, m.Text, match, iso(m.At),
	}, true
}

// matched reports whether the regular expression matches, and its named groups.
func (t *Trigger) matched(text string) (groups map[string]string, ok bool) {
	groups = map[string]string{}
	if t.regex == nil {
		return groups, true
	}
	found := t.regex.FindStringSubmatch(text)
	if found == nil {
		return nil, false
	}
	for i, name := range t.regex.SubexpNames() {
		if name != "" {
			groups[name] = found[i]
		}
	}
	return groups, true
}

// Press is the same for a press.
func (t *Trigger) Press(conn string, p *incoming.Press) (payload any, ok bool) {
	if t.Kind != KindCard || t.Conn != conn || !among(t.ConversationID, p.SpaceID) || !among(t.UserID, p.UserID) {
		return nil, false
	}
	if len(t.ActionID) > 0 && !slices.ContainsFunc(p.ActionIDs, func(id string) bool { return slices.Contains(t.ActionID, id) }) {
		return nil, false
	}
	for name, want := range t.CardParams {
		if got, sent := p.Params[name]; !sent || got != want {
			return nil, false
		}
	}
	if t.Payload == payloadRaw {
		return p.Raw, true
	}
	return Pressed{KindCard, p.ID, conn, p.OutTrackID, p.SpaceID, p.UserID, p.ActionIDs, p.Params, iso(p.At)}, true
}

// Event is the same for an event of the organisation.
func (t *Trigger) Event(conn string, e *incoming.Event) (payload any, ok bool) {
	switch {
	case t.Kind != KindEvent || t.Conn != conn || !among(t.EventType, e.Type):
		return nil, false
	case t.Payload == payloadRaw:
		return e.Data, true
	}
	return Happened{KindEvent, e.ID, conn, e.Type, e.CorpID, e.Data, iso(e.Born)}, true
}

// among reports whether a value is one of those that are meant; without any, all are.
func among(meant []string, value string) bool {
	return len(meant) == 0 || slices.Contains(meant, value)
}

func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// iso is a moment as templates write it, empty when it is not known.
func iso(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
