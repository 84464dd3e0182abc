package card

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// topicPress is what connections subscribe to for presses on cards.
const topicPress = "/v1.0/card/instances/callback"

// The ways by which a press went to the app.
const (
	ViaStream = "stream"
	ViaHTTP   = "http"
)

// Button is a button of a card, as the variable "buttons" lists them.
type Button struct {
	// Text is what stands on it, Action its actionId. With a URL it is a link and calls nobody back.
	Text   string `json:"text"`
	Action string `json:"action,omitempty"`
	URL    string `json:"url,omitempty"`
	// Params come with the press.
	Params map[string]string `json:"params,omitempty"`
	// Style is primary, danger or empty.
	Style string `json:"style,omitempty"`
	// Disabled buttons cannot be pressed.
	Disabled bool `json:"disabled,omitempty"`
}

// buttonsOf reads the buttons out of the variables of a card. A variable that is no such list has none.
func buttonsOf(values map[string]string) []Button {
	var out []Button
	if json.Unmarshal([]byte(values["buttons"]), &out) != nil {
		return nil
	}
	return out
}

// Press is a press on a button.
type Press struct {
	// Card is an outTrackId.
	Card string `json:"card"`
	// From is the user id of somebody who sees the card.
	From string `json:"from"`
	// Action is the actionId of the button.
	Action string `json:"action"`
	// Params are added to those of the button.
	Params map[string]string `json:"params,omitempty"`
	// Conversation is the openConversationId of the group where it is pressed; by default the first in which the person sees it.
	Conversation string `json:"conversation,omitempty"`
	// Stale presses a button that the card does not show, as somebody does whose screen is old.
	Stale bool `json:"stale,omitempty"`
}

// Pressed is a press, and what became of it.
type Pressed struct {
	ID     int       `json:"id"`
	Time   time.Time `json:"time"`
	Card   string    `json:"card"`
	From   string    `json:"from"`
	Action string    `json:"action"`
	// Via is how it went to the app; empty when it did not, for the reason in Note.
	Via  string `json:"via,omitempty"`
	Note string `json:"note,omitempty"`
	// Delivery is the number of the delivery over the stream.
	Delivery int `json:"delivery,omitempty"`
	// Answered says that the app has answered, and Code what with: 200, or the status over HTTP.
	Answered bool `json:"answered,omitempty"`
	Code     int  `json:"code,omitempty"`
}

// place is where a card is seen.
type place struct {
	space, id string
	chat      *core.Chat // nil between two
	user      string
}

// sees tells whether somebody sees what is there.
func (p place) sees(userID string) bool {
	if p.chat == nil {
		return p.user == userID
	}
	return !p.chat.Disbanded && slices.Contains(p.chat.Members, userID)
}

// route is where presses go over HTTP.
type route struct {
	url, secret string
}

// out is a callback that goes over HTTP once the lock is given back.
type out struct {
	press  *Pressed
	card   *cardState
	route  route
	body   []byte
	millis string
}

// Press presses a button of a card. It returns when the press was handed to the stream, or when the
// address of the app has answered. The error wraps [core.ErrNotFound], or says why nobody can press it.
func (s *Service) Press(ctx context.Context, in Press) (Pressed, error) {
	pressed, o, err := s.press(in)
	if err != nil {
		return Pressed{}, fmt.Errorf("press %q of card %q: %w", in.Action, in.Card, err)
	}
	if o != nil {
		s.post(ctx, o)
	}
	s.core.Lock()
	defer s.core.Unlock()
	return *pressed, nil
}

func (s *Service) press(in Press) (*Pressed, *out, error) {
	s.core.Lock()
	defer s.core.Unlock()
	c := s.cards[in.Card]
	if c == nil {
		return nil, nil, core.ErrNotFound
	}
	at := slices.IndexFunc(c.places, func(p place) bool {
		return p.sees(in.From) && (in.Conversation == "" || in.Conversation == p.id)
	})
	if at < 0 {
		return nil, nil, fmt.Errorf("user %q does not see the card: %w", in.From, core.ErrNotFound)
	}
	params, err := c.pressable(in)
	if err != nil {
		return nil, nil, err
	}
	defer s.core.Touch()
	s.lastPress++
	now := s.core.Now()
	pressed := &Pressed{ID: s.lastPress, Time: now, Card: in.Card, From: in.From, Action: in.Action}
	s.pressed = core.Last(append(s.pressed, pressed), s.core.Keep())
	body := callback(c, c.places[at], in, params, s.core.CorpID)
	switch c.CallbackType {
	case "STREAM":
		pressed.Via = ViaStream
		pressed.Delivery = s.core.Stream.Push(c.app, core.Push{
			Type: core.PushCallback, Topic: topicPress, Data: func(string) []byte { return body },
			Answered: func(a core.PushAnswer) { s.answered(pressed, c, in.From, a) },
		})
		return pressed, nil, nil
	case "HTTP":
		to, ok := s.routes[c.app.AppKey+"\x00"+c.routeKey]
		if !ok {
			pressed.Note = "no address is registered under the route key " + strconv.Quote(c.routeKey)
			return pressed, nil, nil
		}
		pressed.Via = ViaHTTP
		return pressed, &out{press: pressed, card: c, route: to, body: body, millis: strconv.FormatInt(now.UnixMilli(), 10)}, nil
	default:
		pressed.Note = "the card was made without callbackType"
		return pressed, nil, nil
	}
}

// pressable finds the button and the parameters of a press.
func (c *cardState) pressable(in Press) (map[string]string, error) {
	if in.Action == "" {
		return nil, errors.New("action is missing")
	}
	all := buttonsOf(merged(c.Params, c.Private[in.From]))
	i := slices.IndexFunc(all, func(b Button) bool { return b.Action == in.Action })
	switch {
	case in.Stale:
		i = -1
	case i < 0 && all != nil:
		return nil, fmt.Errorf("there is no such button: %w", core.ErrNotFound)
	case i >= 0 && all[i].Disabled:
		return nil, errors.New("the button is disabled")
	}
	if i < 0 {
		return merged(nil, in.Params), nil
	}
	return merged(all[i].Params, in.Params), nil
}

// callback writes the body of a press.
func callback(c *cardState, at place, in Press, params map[string]string, corpID string) []byte {
	content := core.Encode(core.Object{"cardPrivateData": core.Object{"actionIds": []string{in.Action}, "params": params}})
	return core.Encode(core.Object{
		"type": "actionCallback", "outTrackId": c.OutTrackID, "corpId": corpID, "userId": in.From, "userIdType": 1,
		"spaceId": at.id, "spaceType": at.space, "extension": "{}", "content": string(content),
	})
}

// answered takes the answer over the stream. The caller holds the lock.
func (s *Service) answered(p *Pressed, c *cardState, userID string, a core.PushAnswer) {
	p.Answered, p.Code = true, a.Code
	if a.Code != http.StatusOK {
		p.Note = cmp.Or(a.Message, "the app answered code "+strconv.Itoa(a.Code))
		return
	}
	var data struct {
		Response core.Object `json:"response"`
	}
	if err := json.Unmarshal([]byte(a.Data), &data); err != nil {
		p.Note = "the data of the answer is no JSON: " + err.Error()
		return
	}
	s.apply(p, c, userID, data.Response)
}

// apply changes a card as the answer to a press says. Without cardUpdateOptions an answer
// replaces all variables; an answer without variables changes none.
func (s *Service) apply(p *Pressed, c *cardState, userID string, answer core.Object) {
	options, _ := answer["cardUpdateOptions"].(core.Object)
	change := func(field, byKey string, old map[string]string) (map[string]string, bool) {
		data, ok := answer[field].(core.Object)
		if !ok {
			return nil, false
		}
		values, ok := cardParams(data)
		if !ok {
			p.Note = field + ".cardParamMap must hold texts"
			return nil, false
		}
		if options[byKey] == true {
			values = merged(old, values)
		}
		return values, true
	}
	if values, ok := change("cardData", "updateCardDataByKey", c.Params); ok {
		c.Params = values
	}
	if values, ok := change("userPrivateData", "updatePrivateDataByKey", c.Private[userID]); ok {
		all := map[string]map[string]string{}
		maps.Copy(all, c.Private)
		all[userID] = values
		c.Private = all
	}
	s.redraw(c)
}

// post sends a press to the address of the app.
func (s *Service) post(ctx context.Context, o *out) {
	status, answer, err := s.core.Post(ctx, o.route.url, http.Header{
		"X-Ddpaas-Signature-Timestamp": {o.millis}, "X-Ddpaas-Signature": {Sign(o.route.secret, o.millis)},
	}, o.body)
	s.core.Lock()
	defer s.core.Unlock()
	defer s.core.Touch()
	o.press.Code, o.press.Answered = status, err == nil
	var values core.Object
	switch {
	case err != nil:
		o.press.Note = err.Error()
	case status != http.StatusOK:
		o.press.Note = "the app answered status " + strconv.Itoa(status)
	case len(answer) > 0 && json.Unmarshal(answer, &values) != nil:
		o.press.Note = "the answer is no JSON object"
	default:
		s.apply(o.press, o.card, o.press.From, values)
	}
}

// Sign is base64(HMAC-SHA256(key = secret, data = timestamp)), as the header of a callback has it.
func Sign(secret, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// registerCall keeps where presses on cards go over HTTP.
//
// DingTalk docs: https://open.dingtalk.com/document/development/register-card-callback-address
func (s *Service) registerCall() core.Endpoint {
	return core.Endpoint{
		Name: "card.register_callback", Method: http.MethodPost, Path: "/v1.0/card/callbacks/register", Scope: "Card.Instance.Write",
		Body: core.Params{
			core.Need("callbackRouteKey", core.AText), core.Need("callbackUrl", core.AText), core.May("apiSecret", core.AText), core.May("forceUpdate", core.ABool),
		},
		Invalid: cardError(), Do: s.register,
	}
}

func (s *Service) register(req *core.AppRequest) (any, *core.Refusal) {
	key := req.App.AppKey + "\x00" + req.Text("callbackRouteKey")
	if !core.IsHTTP(req.Text("callbackUrl")) {
		return nil, cardError()
	}
	to, known := s.routes[key]
	if !known || req.Bool("forceUpdate") {
		to = route{url: req.Text("callbackUrl"), secret: req.Text("apiSecret")}
		if to.secret == "" {
			to.secret = s.core.Code(32)
		}
		s.routes[key] = to
	}
	return core.Object{"success": true, "result": core.Object{"apiSecret": to.secret, "callbackUrl": to.url}}, nil
}

// Presses lists the presses, oldest first.
func (s *Service) Presses() []Pressed {
	s.core.Lock()
	defer s.core.Unlock()
	return core.Values(s.pressed)
}

// Buttons lists the buttons of a card as somebody sees them; with an empty user id those that all see.
// The error wraps [core.ErrNotFound].
func (s *Service) Buttons(outTrackID, userID string) ([]Button, error) {
	s.core.Lock()
	defer s.core.Unlock()
	c := s.cards[outTrackID]
	if c == nil {
		return nil, fmt.Errorf("card %q: %w", outTrackID, core.ErrNotFound)
	}
	return buttonsOf(merged(c.Params, c.Private[userID])), nil
}

// WaitCard waits until a card satisfies a condition and returns it. When ctx is done first, the error wraps the cause.
func (s *Service) WaitCard(ctx context.Context, outTrackID string, until func(Card) bool) (Card, error) {
	for {
		s.core.Lock()
		c, changed := s.cards[outTrackID], s.core.Changed()
		var now Card
		if c != nil {
			now = c.Card
		}
		s.core.Unlock()
		if c != nil && until(now) {
			return now, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return now, fmt.Errorf("wait for card %q: %w", outTrackID, context.Cause(ctx))
		}
	}
}

// Cards lists the cards in the order in which they were made.
func (s *Service) Cards() []Card {
	s.core.Lock()
	defer s.core.Unlock()
	out := make([]Card, len(s.order))
	for i, c := range s.order {
		out[i] = c.Card
	}
	return out
}

func (s *Service) routePresses() {
	s.core.Form("POST /sandbox/press", func(r *http.Request) error {
		_, err := s.Press(r.Context(), Press{
			Card: r.PostForm.Get("card"), From: r.PostForm.Get("from"), Action: r.PostForm.Get("action"), Conversation: r.PostForm.Get("conversation"),
		})
		return err
	})
	s.core.API("GET /sandbox/api/cards", core.APIList("cards", s.Cards))
	s.core.API("GET /sandbox/api/presses", core.APIList("presses", s.Presses))
	s.core.API("POST /sandbox/api/presses", func(r *http.Request) (any, error) {
		var in Press
		if err := core.ReadAPI(r, &in); err != nil {
			return nil, err
		}
		return s.Press(r.Context(), in)
	})
}
