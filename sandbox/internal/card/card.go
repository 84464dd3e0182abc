// Package card is interactive cards: making, delivering, changing and streaming them.
package card

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// Service answers the calls of cards.
type Service struct {
	core  *core.Core
	cards map[string]*cardState
	// order has the same cards in the order in which they were made.
	order []*cardState
	// routes are by app key and callbackRouteKey.
	routes    map[string]route
	pressed   []*Pressed
	lastPress int
}

// New adds the calls and routes of cards to a core, whose Groups and People they reach.
func New(c *core.Core) *Service {
	s := &Service{core: c, cards: map[string]*cardState{}, routes: map[string]route{}}
	c.ServeEndpoints(append(s.cardCalls(), s.registerCall())...)
	c.API("GET /sandbox/api/cards/{id}", func(r *http.Request) (any, error) { return s.Card(r.PathValue("id")) })
	s.routePresses()
	c.Cards = s
	return s
}

// Card is an interactive card.
type Card struct {
	OutTrackID string `json:"out_track_id"`
	Template   string `json:"template"`
	// App is a name.
	App string `json:"app"`
	// Params are the variables of the card.
	Params map[string]string `json:"params"`
	// Private are variables that one person sees, by user id.
	Private map[string]map[string]string `json:"private,omitempty"`
	// CallbackType is STREAM, HTTP or empty.
	CallbackType string `json:"callback_type,omitempty"`
	// Finished says that the last piece of a streamed text has come.
	Finished bool `json:"finished,omitempty"`
	// Failed says that a streamed text ended in an error.
	Failed bool `json:"failed,omitempty"`
	// MessageIDs are the messages that show the card, one for each delivery that worked.
	MessageIDs []int `json:"message_ids,omitempty"`
}

// cardState is a card and what it remembers.
type cardState struct {
	Card
	app      *core.App
	delivery []core.Object
	routeKey string
	places   []place
	// pieces are the guids of streamed texts.
	pieces []string
}

func (s *Service) cardCalls() []core.Endpoint {
	invalid := cardError()
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/create-and-deliver-cards
		{
			Name: "card.create", Method: http.MethodPost, Path: "/v1.0/card/instances/createAndDeliver", Scope: "Card.Instance.Write",
			Body: core.Params{
				core.Need("cardTemplateId", core.AText), core.Need("outTrackId", core.AText), core.Need("cardData", core.AnObject), core.Need("openSpaceId", core.AText),
			}.And(cardParamsOfCreation(), spaceModels("Space"), spaceModels("Deliver")),
			Invalid: invalid, Do: s.cardCreateAndDeliver,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/interface-for-creating-a-card-instance
		{
			Name: "card.create_only", Method: http.MethodPost, Path: "/v1.0/card/instances", Scope: "Card.Instance.Write",
			Body: core.Params{core.Need("cardTemplateId", core.AText), core.Need("outTrackId", core.AText), core.Need("cardData", core.AnObject)}.
				And(cardParamsOfCreation(), spaceModels("Space")),
			Invalid: invalid, Do: s.cardCreateOnly,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/delivery-card-interface
		{
			Name: "card.deliver", Method: http.MethodPost, Path: "/v1.0/card/instances/deliver", Scope: "Card.Instance.Write",
			Body:    core.Params{core.Need("outTrackId", core.AText), core.Need("openSpaceId", core.AText), core.May("userIdType", core.AnInt)}.And(spaceModels("Deliver")),
			Invalid: invalid, Do: s.cardDeliver,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/interactive-card-update-interface
		{
			Name: "card.update", Method: http.MethodPut, Path: "/v1.0/card/instances", Scope: "Card.Instance.Write",
			Body: core.Params{
				core.Need("outTrackId", core.AText), core.May("cardData", core.AnObject), core.May("privateData", core.AnObject),
				core.May("cardUpdateOptions", core.AnObject), core.May("userIdType", core.AnInt),
			},
			Invalid: invalid, Do: s.cardUpdate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/api-streamingupdate
		{
			Name: "card.stream", Method: http.MethodPut, Path: "/v1.0/card/streaming", Scope: "Card.Streaming.Write",
			Body: core.Params{
				core.Need("outTrackId", core.AText), core.Need("guid", core.AText), core.Need("key", core.AText), core.Need("content", core.AText),
				core.May("isFull", core.ABool), core.May("isFinalize", core.ABool), core.May("isError", core.ABool),
			},
			Invalid: invalid, Do: s.cardStream,
		},
	}
}

// cardError is the sandbox's own: DingTalk publishes no codes for cards.
func cardError() *core.Refusal {
	return core.Fail(http.StatusBadRequest, "param.invalid", "参数不合法")
}

// cardParamsOfCreation are what a new card may have besides.
func cardParamsOfCreation() core.Params {
	return core.Params{
		core.May("callbackType", core.AText), core.May("callbackRouteKey", core.AText), core.May("userId", core.AText), core.May("userIdType", core.AnInt),
		core.May("privateData", core.AnObject), core.May("cardAtUserIds", core.Texts), core.May("openDynamicDataConfig", core.AnObject),
	}
}

// spaceModels are what a card in a space, or its delivery there, is described by.
func spaceModels(what string) core.Params {
	var out core.Params
	for _, space := range []string{"imGroup", "imRobot", "imSingle", "coFeed", "top"} {
		out = append(out, core.May(space+"Open"+what+"Model", core.AnObject))
	}
	if what == "Deliver" {
		out = append(out, core.May("docOpenDeliverModel", core.AnObject))
	}
	return out
}

// cardParams reads a map of texts, as cardParamMap must be.
func cardParams(data core.Object) (map[string]string, bool) {
	in, ok := data["cardParamMap"].(core.Object)
	out := map[string]string{}
	for name, value := range in {
		text, isText := value.(string)
		ok = ok && isText
		out[name] = text
	}
	return out, ok
}

func privateParams(data core.Object) (map[string]map[string]string, bool) {
	out := map[string]map[string]string{}
	for id, value := range data {
		object, _ := value.(core.Object)
		values, ok := cardParams(object)
		if !ok {
			return nil, false
		}
		out[id] = values
	}
	return out, true
}

// cardCreateAndDeliver answers a known outTrackId as it did before and delivers nothing.
func (s *Service) cardCreateAndDeliver(req *core.AppRequest) (any, *core.Refusal) {
	c, known, r := s.cardCreate(req)
	if r != nil {
		return nil, r
	}
	if !known {
		c.delivery = s.deliverEverywhere(req, c)
	}
	return core.Object{"success": true, "result": core.Object{"outTrackId": c.OutTrackID, "deliverResults": c.delivery}}, nil
}

// cardCreateOnly makes a card that nobody sees before it is delivered.
func (s *Service) cardCreateOnly(req *core.AppRequest) (any, *core.Refusal) {
	c, _, r := s.cardCreate(req)
	if r != nil {
		return nil, r
	}
	return core.Object{"success": true, "result": c.OutTrackID}, nil
}

func (s *Service) cardDeliver(req *core.AppRequest) (any, *core.Refusal) {
	c, r := s.card(req)
	if r != nil {
		return nil, r
	}
	delivered := s.deliverEverywhere(req, c)
	c.delivery = append(c.delivery, delivered...)
	return core.Object{"success": true, "result": delivered}, nil
}

// deliverEverywhere puts a card into each of the spaces that a request names.
func (s *Service) deliverEverywhere(req *core.AppRequest, c *cardState) []core.Object {
	out := []core.Object{}
	for space := range strings.SplitSeq(req.Text("openSpaceId"), ";") {
		out = append(out, s.deliverCard(req, c, space))
	}
	return out
}

// cardCreate makes a card, unless one with the outTrackId is known.
func (s *Service) cardCreate(req *core.AppRequest) (c *cardState, known bool, r *core.Refusal) {
	id := req.Text("outTrackId")
	if old := s.cards[id]; old != nil {
		if old.app != req.App {
			return nil, false, cardError()
		}
		return old, true, nil
	}
	values, ok := cardParams(req.Object("cardData"))
	private, privateOK := privateParams(req.Object("privateData"))
	callback := req.Text("callbackType")
	if !ok || !privateOK || id == "" || !slices.Contains([]string{"", "STREAM", "HTTP"}, callback) {
		return nil, false, cardError()
	}
	c = &cardState{app: req.App, routeKey: req.Text("callbackRouteKey"), Card: Card{
		OutTrackID: id, Template: req.Text("cardTemplateId"), App: req.App.Name, Params: values, Private: private, CallbackType: callback,
	}}
	s.cards[id] = c
	s.order = append(s.order, c)
	return c, false, nil
}

// deliverCard puts a card into a group or a chat with the bot. What goes wrong stands
// in the result of the space, and the call is still a success.
func (s *Service) deliverCard(req *core.AppRequest, c *cardState, space string) core.Object {
	spaceType, id, _ := strings.Cut(strings.TrimPrefix(space, "dtv1.card//"), ".")
	m := core.Message{
		Time: req.At, Robot: req.App.Name, Group: req.App.Name, Type: core.TypeCard, RemoteIP: req.IP.String(),
		Content: c.content(), Raw: json.RawMessage(req.Raw), Key: c.OutTrackID,
	}
	problem := ""
	at := place{space: spaceType, id: id}
	switch spaceType {
	case "IM_GROUP":
		model := req.Object("imGroupOpenDeliverModel")
		chat := s.core.Groups.ByConversation(id)
		switch {
		case chat == nil || chat.Disbanded || !slices.Contains(chat.Bots, req.App.AppKey):
			problem = "spaceId is invalid or the robot is not in the group"
		case model["robotCode"] != req.App.AppKey:
			problem = "imGroupOpenDeliverModel.robotCode is invalid"
		default:
			m.Group, m.Conversation, at.chat = chat.Name, id, chat
		}
	case "IM_ROBOT":
		model := req.Object("imRobotOpenDeliverModel")
		u := s.core.People.User(id)
		if req.Int("userIdType") == 2 {
			u = s.core.People.UserByUnionID(id)
		}
		switch {
		case u == nil:
			problem = "spaceId is invalid"
		case model["spaceType"] != "IM_ROBOT":
			problem = "imRobotOpenDeliverModel.spaceType is invalid"
		default:
			m.To, m.Conversation, at.user = []string{u.UserID}, core.OneToOne(req.App, u.UserID), u.UserID
		}
	case "ONE_BOX": // the place above the messages of a group
		chat := s.core.Groups.ByConversation(id)
		switch {
		case chat == nil || chat.Disbanded:
			problem = "spaceId is invalid"
		case !req.Has("topOpenDeliverModel"):
			problem = "topOpenDeliverModel is invalid"
		default:
			m.Group, m.Conversation, at.chat = chat.Name, id, chat
		}
	default:
		problem = "openSpaceId is invalid"
	}
	result := core.Object{"spaceType": spaceType, "spaceId": id, "success": problem == "", "carrierId": "", "errorMsg": problem}
	if problem == "" {
		result["carrierId"] = s.core.Code(16)
		req.MessageID = s.core.AddMessage(m)
		c.places = append(c.places, at)
		c.MessageIDs = append(c.MessageIDs, req.MessageID)
	}
	return result
}

// content draws the variables: "markdown" as it is, other ones as a list, since the sandbox has
// no templates. The buttons are those of the variable "buttons".
func (c *cardState) content() core.Content { return draw(c.Params) }

// Seen is what somebody sees of a card: the variables with his own over those of all. The caller holds the lock.
func (s *Service) Seen(outTrackID, userID string) (core.Content, bool) {
	c := s.cards[outTrackID]
	if c == nil {
		return core.Content{}, false
	}
	return draw(merged(c.Params, c.Private[userID])), true
}

func draw(values map[string]string) core.Content {
	out := core.Content{Title: values["title"], Text: values["markdown"]}
	for _, b := range buttonsOf(values) {
		out.Buttons = append(out.Buttons, core.Button{Title: b.Text, URL: b.URL, Action: b.Action, Style: b.Style, Disabled: b.Disabled})
	}
	if _, ok := values["markdown"]; ok {
		out.Markdown = true
		return out
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name != "buttons" || out.Buttons == nil {
			lines = append(lines, name+": "+values[name])
		}
	}
	out.Text = strings.Join(lines, "\n")
	return out
}

// redraw shows the variables as they are now.
func (s *Service) redraw(c *cardState) {
	for _, id := range c.MessageIDs {
		s.core.ChangeMessage(id, func(m *core.Message) { m.Content = c.content() })
	}
	s.core.Touch()
}

func (s *Service) card(req *core.AppRequest) (*cardState, *core.Refusal) {
	c := s.cards[req.Text("outTrackId")]
	if c == nil || c.app != req.App {
		return nil, core.Fail(http.StatusBadRequest, "param.outTrackId.notExist", "卡片不存在")
	}
	return c, nil
}

func (s *Service) cardUpdate(req *core.AppRequest) (any, *core.Refusal) {
	c, r := s.card(req)
	if r != nil {
		return nil, r
	}
	values, ok := c.Params, req.Has("privateData")
	if req.Has("cardData") {
		values, ok = cardParams(req.Object("cardData"))
	}
	private, privateOK := privateParams(req.Object("privateData"))
	if !ok || !privateOK {
		return nil, cardError()
	}
	options := req.Object("cardUpdateOptions")
	if options["updateCardDataByKey"] == true {
		values = merged(c.Params, values)
	}
	c.Params = values
	all := maps.Clone(c.Private)
	for id, own := range private {
		if options["updatePrivateDataByKey"] == true {
			own = merged(all[id], own)
		}
		all[id] = own
	}
	c.Private = all
	s.redraw(c)
	return core.Object{"success": true, "result": true}, nil
}

func merged(old, changes map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, old)
	maps.Copy(out, changes)
	return out
}

// cardStream writes one variable. A guid that came before has no second effect.
func (s *Service) cardStream(req *core.AppRequest) (any, *core.Refusal) {
	c, r := s.card(req)
	if r != nil {
		return nil, r
	}
	if guid := req.Text("guid"); !slices.Contains(c.pieces, guid) {
		c.pieces = append(c.pieces, guid)
		content := req.Text("content")
		if !req.Bool("isFull") {
			content = c.Params[req.Text("key")] + content
		}
		c.Params = merged(c.Params, map[string]string{req.Text("key"): content})
		c.Finished, c.Failed = req.Bool("isFinalize"), req.Bool("isError")
		s.redraw(c)
	}
	return core.Object{"success": true, "result": true}, nil
}

// Card returns the card with an outTrackId, or an error that wraps [ErrNotFound]. The
// caller must not change what is inside.
func (s *Service) Card(outTrackID string) (Card, error) {
	s.core.Lock()
	defer s.core.Unlock()
	if c := s.cards[outTrackID]; c != nil {
		return c.Card, nil
	}
	return Card{}, fmt.Errorf("card %q: %w", outTrackID, core.ErrNotFound)
}
