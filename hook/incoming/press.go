package incoming

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Press is the press of a button of a card.
type Press struct {
	// ID tells presses apart: DingTalk's id of the delivery, or a hash of the content
	// and the time when there is none.
	ID string
	// OutTrackID is the id that the application gave the card.
	OutTrackID string
	CorpID     string
	// UserID is who pressed; UnionID in its place when the card was made with unionIds.
	UserID, UnionID string
	// SpaceID and SpaceType say where the card is; the SpaceID of a group is its
	// openConversationId.
	SpaceID, SpaceType string
	// ActionIDs are the ids of what was pressed, Params what the card sends with it.
	ActionIDs []string
	Params    map[string]string
	// At is when it came.
	At time.Time
	// Raw is the payload.
	Raw json.RawMessage
}

type wirePress struct {
	Type       word            `json:"type"`
	OutTrackID word            `json:"outTrackId"`
	CorpID     word            `json:"corpId"`
	UserID     word            `json:"userId"`
	UserIDType number          `json:"userIdType"`
	SpaceID    word            `json:"spaceId"`
	SpaceType  word            `json:"spaceType"`
	Content    json.RawMessage `json:"content"`
}

type wirePrivateData struct {
	CardPrivateData struct {
		ActionIDs []word                     `json:"actionIds"`
		Params    map[string]json.RawMessage `json:"params"`
	} `json:"cardPrivateData"`
}

// unionIDs is the userIdType of unionIds.
const unionIDs = 2

// ParsePress reads the payload of a card callback. The id is that of its delivery in stream
// mode, empty over HTTP; at is when it came, over HTTP the time in its signature.
func ParsePress(id string, at time.Time, data []byte) (*Press, error) {
	var w wirePress
	if err := decode("card callback", data, &w); err != nil {
		return nil, err
	}
	content := w.Content
	if len(content) > 0 && content[0] == '"' { // JSON text inside JSON text
		var text string
		if err := json.Unmarshal(content, &text); err != nil {
			return nil, fmt.Errorf("card callback: content: %w", err)
		}
		content = json.RawMessage(text)
	}
	var private wirePrivateData
	if len(content) > 0 {
		if err := decode("card callback: content", content, &private); err != nil {
			return nil, err
		}
	}
	p := &Press{
		ID: id, OutTrackID: string(w.OutTrackID), CorpID: string(w.CorpID), UserID: string(w.UserID),
		SpaceID: string(w.SpaceID), SpaceType: string(w.SpaceType), At: at, Raw: json.RawMessage(append([]byte(nil), data...)),
	}
	if w.UserIDType == unionIDs {
		p.UserID, p.UnionID = "", p.UserID
	}
	for _, a := range private.CardPrivateData.ActionIDs {
		p.ActionIDs = append(p.ActionIDs, string(a))
	}
	for name, value := range private.CardPrivateData.Params {
		if p.Params == nil {
			p.Params = make(map[string]string, len(private.CardPrivateData.Params))
		}
		p.Params[clean(name)] = clean(paramText(value))
	}
	if p.ID == "" {
		sum := sha256.Sum256(append(strconv.AppendInt(nil, at.UnixMilli(), 10), data...))
		p.ID = hex.EncodeToString(sum[:])
	}
	errs := []error{
		checkID("outTrackId", p.OutTrackID, false), checkID("userId", p.UserID+p.UnionID, false), checkID("corpId", p.CorpID, true),
		checkID("spaceId", p.SpaceID, true), checkID("spaceType", p.SpaceType, true), checkID("the id of the delivery", p.ID, false),
	}
	for _, a := range p.ActionIDs {
		errs = append(errs, checkID("an id in actionIds", a, false))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("card callback: %w", err)
	}
	return p, nil
}

// paramText is a text as it is and anything else as JSON.
func paramText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// Event is something that happened in the organisation.
type Event struct {
	// ID is the same each time that DingTalk delivers the event.
	ID string
	// Type is DingTalk's name for it, such as user_add_org.
	Type   string
	CorpID string
	// Born is when it happened; zero if DingTalk did not say.
	Born time.Time
	// Data is a JSON object, whose keys depend on the type.
	Data json.RawMessage
}

// ParseEvent reads an event of stream mode: the headers of its frame, and its data.
func ParseEvent(headers map[string]string, data []byte) (*Event, error) {
	var born number
	if err := born.UnmarshalJSON([]byte(headers["eventBornTime"])); err != nil {
		return nil, fmt.Errorf("event: eventBornTime: %w", err)
	}
	e := &Event{ID: headers["eventId"], Type: headers["eventType"], CorpID: headers["eventCorpId"], Born: born.time()}
	return e.with(data)
}

// CheckURL is the type of the event by which DingTalk tries an address.
const CheckURL = "check_url"

// ParseHTTPEvent reads an event that came over HTTP and was decrypted. It has no id of its
// own unless DingTalk sent one: that is a hash of its content, which has its time in it.
func ParseHTTPEvent(data []byte) (*Event, error) {
	var w struct {
		EventID   word   `json:"eventId"`
		EventType word   `json:"EventType"`
		CorpID    word   `json:"CorpId"`
		TimeStamp number `json:"TimeStamp"`
	}
	if err := decode("event", data, &w); err != nil {
		return nil, err
	}
	e := &Event{ID: string(w.EventID), Type: string(w.EventType), CorpID: string(w.CorpID), Born: w.TimeStamp.time()}
	if e.ID == "" {
		sum := sha256.Sum256(data)
		e.ID = hex.EncodeToString(sum[:])
	}
	return e.with(data)
}

func (e *Event) with(data []byte) (*Event, error) {
	var members map[string]json.RawMessage
	if err := decode("event", data, &members); err != nil {
		return nil, err
	}
	e.Data = append(json.RawMessage(nil), data...)
	if err := errors.Join(checkID("eventId", e.ID, false), checkID("eventType", e.Type, false), checkID("eventCorpId", e.CorpID, true)); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	return e, nil
}
