package sandbox

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

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
	app      *appState
	delivery []object
	// pieces are the guids of streamed texts.
	pieces []string
}

func cardCalls() []call {
	invalid := cardError()
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/create-and-deliver-cards
		endpoint{
			name: "card.create", method: http.MethodPost, path: "/v1.0/card/instances/createAndDeliver", scope: "Card.Instance.Write",
			body: params{
				need("cardTemplateId", aText), need("outTrackId", aText), need("cardData", anObject), need("openSpaceId", aText),
			}.and(cardParamsOfCreation(), spaceModels("Space"), spaceModels("Deliver")),
			invalid: invalid, do: (*Server).cardCreateAndDeliver,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/interface-for-creating-a-card-instance
		endpoint{
			name: "card.create_only", method: http.MethodPost, path: "/v1.0/card/instances", scope: "Card.Instance.Write",
			body: params{need("cardTemplateId", aText), need("outTrackId", aText), need("cardData", anObject)}.
				and(cardParamsOfCreation(), spaceModels("Space")),
			invalid: invalid, do: (*Server).cardCreateOnly,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/delivery-card-interface
		endpoint{
			name: "card.deliver", method: http.MethodPost, path: "/v1.0/card/instances/deliver", scope: "Card.Instance.Write",
			body:    params{need("outTrackId", aText), need("openSpaceId", aText), may("userIdType", anInt)}.and(spaceModels("Deliver")),
			invalid: invalid, do: (*Server).cardDeliver,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/interactive-card-update-interface
		endpoint{
			name: "card.update", method: http.MethodPut, path: "/v1.0/card/instances", scope: "Card.Instance.Write",
			body: params{
				need("outTrackId", aText), may("cardData", anObject), may("privateData", anObject),
				may("cardUpdateOptions", anObject), may("userIdType", anInt),
			},
			invalid: invalid, do: (*Server).cardUpdate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/api-streamingupdate
		endpoint{
			name: "card.stream", method: http.MethodPut, path: "/v1.0/card/streaming", scope: "Card.Streaming.Write",
			body: params{
				need("outTrackId", aText), need("guid", aText), need("key", aText), need("content", aText),
				may("isFull", aBool), may("isFinalize", aBool), may("isError", aBool),
			},
			invalid: invalid, do: (*Server).cardStream,
		},
	)
}

// cardError is the sandbox's own: DingTalk publishes no codes for cards.
func cardError() *refusal { return fail(http.StatusBadRequest, "param.invalid", "参数不合法") }

// cardParamsOfCreation are what a new card may have besides.
func cardParamsOfCreation() params {
	return params{
		may("callbackType", aText), may("callbackRouteKey", aText), may("userId", aText), may("userIdType", anInt),
		may("privateData", anObject), may("cardAtUserIds", texts), may("openDynamicDataConfig", anObject),
	}
}

// spaceModels are what a card in a space, or its delivery there, is described by.
func spaceModels(what string) params {
	var out params
	for _, space := range []string{"imGroup", "imRobot", "imSingle", "coFeed", "top"} {
		out = append(out, may(space+"Open"+what+"Model", anObject))
	}
	if what == "Deliver" {
		out = append(out, may("docOpenDeliverModel", anObject))
	}
	return out
}

// cardParams reads a map of texts, as cardParamMap must be.
func cardParams(data object) (map[string]string, bool) {
	in, ok := data["cardParamMap"].(object)
	out := map[string]string{}
	for name, value := range in {
		text, isText := value.(string)
		ok = ok && isText
		out[name] = text
	}
	return out, ok
}

func privateParams(data object) (map[string]map[string]string, bool) {
	out := map[string]map[string]string{}
	for id, value := range data {
		object, _ := value.(object)
		values, ok := cardParams(object)
		if !ok {
			return nil, false
		}
		out[id] = values
	}
	return out, true
}

// cardCreateAndDeliver answers a known outTrackId as it did before and delivers nothing.
func (s *Server) cardCreateAndDeliver(req *appRequest) (any, *refusal) {
	c, known, r := s.cardCreate(req)
	if r != nil {
		return nil, r
	}
	if !known {
		c.delivery = s.deliverEverywhere(req, c)
	}
	return object{"success": true, "result": object{"outTrackId": c.OutTrackID, "deliverResults": c.delivery}}, nil
}

// cardCreateOnly makes a card that nobody sees before it is delivered.
func (s *Server) cardCreateOnly(req *appRequest) (any, *refusal) {
	c, _, r := s.cardCreate(req)
	if r != nil {
		return nil, r
	}
	return object{"success": true, "result": c.OutTrackID}, nil
}

func (s *Server) cardDeliver(req *appRequest) (any, *refusal) {
	c, r := s.card(req)
	if r != nil {
		return nil, r
	}
	delivered := s.deliverEverywhere(req, c)
	c.delivery = append(c.delivery, delivered...)
	return object{"success": true, "result": delivered}, nil
}

// deliverEverywhere puts a card into each of the spaces that a request names.
func (s *Server) deliverEverywhere(req *appRequest, c *cardState) []object {
	out := []object{}
	for space := range strings.SplitSeq(req.text("openSpaceId"), ";") {
		out = append(out, s.deliverCard(req, c, space))
	}
	return out
}

// cardCreate makes a card, unless one with the outTrackId is known.
func (s *Server) cardCreate(req *appRequest) (c *cardState, known bool, r *refusal) {
	id := req.text("outTrackId")
	if old := s.cards[id]; old != nil {
		if old.app != req.app {
			return nil, false, cardError()
		}
		return old, true, nil
	}
	values, ok := cardParams(req.object("cardData"))
	private, privateOK := privateParams(req.object("privateData"))
	callback := req.text("callbackType")
	if !ok || !privateOK || id == "" || !slices.Contains([]string{"", "STREAM", "HTTP"}, callback) {
		return nil, false, cardError()
	}
	c = &cardState{app: req.app, Card: Card{
		OutTrackID: id, Template: req.text("cardTemplateId"), App: req.app.Name, Params: values, Private: private, CallbackType: callback,
	}}
	s.cards[id] = c
	return c, false, nil
}

// deliverCard puts a card into a group or a chat with the bot. What goes wrong stands
// in the result of the space, and the call is still a success.
func (s *Server) deliverCard(req *appRequest, c *cardState, space string) object {
	spaceType, id, _ := strings.Cut(strings.TrimPrefix(space, "dtv1.card//"), ".")
	m := Message{
		Time: req.at, Robot: req.app.Name, Group: req.app.Name, Type: TypeCard, RemoteIP: req.ip.String(),
		Content: c.content(), Raw: json.RawMessage(req.body), Key: c.OutTrackID,
	}
	problem := ""
	switch spaceType {
	case "IM_GROUP":
		model := req.object("imGroupOpenDeliverModel")
		chat := s.chats.byConversation(id)
		switch {
		case chat == nil || chat.Disbanded || !slices.Contains(chat.Bots, req.app.AppKey):
			problem = "spaceId is invalid or the robot is not in the group"
		case model["robotCode"] != req.app.AppKey:
			problem = "imGroupOpenDeliverModel.robotCode is invalid"
		default:
			m.Group = chat.Name
		}
	case "IM_ROBOT":
		model := req.object("imRobotOpenDeliverModel")
		u := s.directory.user(id)
		if req.int("userIdType") == 2 {
			u = s.directory.userByUnionID(id)
		}
		switch {
		case u == nil:
			problem = "spaceId is invalid"
		case model["spaceType"] != "IM_ROBOT":
			problem = "imRobotOpenDeliverModel.spaceType is invalid"
		default:
			m.To = []string{u.UserID}
		}
	case "ONE_BOX": // the place above the messages of a group
		chat := s.chats.byConversation(id)
		switch {
		case chat == nil || chat.Disbanded:
			problem = "spaceId is invalid"
		case !req.has("topOpenDeliverModel"):
			problem = "topOpenDeliverModel is invalid"
		default:
			m.Group = chat.Name
		}
	default:
		problem = "openSpaceId is invalid"
	}
	result := object{"spaceType": spaceType, "spaceId": id, "success": problem == "", "carrierId": "", "errorMsg": problem}
	if problem == "" {
		result["carrierId"] = s.ids.code(16)
		req.messageID = s.inbox.addMessage(m)
		c.MessageIDs = append(c.MessageIDs, req.messageID)
	}
	return result
}

// content draws the variables as a list, since the sandbox has no templates.
func (c *cardState) content() Content {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		lines = append(lines, name+": "+c.Params[name])
	}
	return Content{Title: c.Params["title"], Text: strings.Join(lines, "\n")}
}

// redraw shows the variables as they are now.
func (s *Server) redraw(c *cardState) {
	for _, id := range c.MessageIDs {
		s.inbox.change(id, func(m *Message) { m.Content = c.content() })
	}
}

func (s *Server) card(req *appRequest) (*cardState, *refusal) {
	c := s.cards[req.text("outTrackId")]
	if c == nil || c.app != req.app {
		return nil, fail(http.StatusBadRequest, "param.outTrackId.notExist", "卡片不存在")
	}
	return c, nil
}

func (s *Server) cardUpdate(req *appRequest) (any, *refusal) {
	c, r := s.card(req)
	if r != nil {
		return nil, r
	}
	values, ok := c.Params, req.has("privateData")
	if req.has("cardData") {
		values, ok = cardParams(req.object("cardData"))
	}
	private, privateOK := privateParams(req.object("privateData"))
	if !ok || !privateOK {
		return nil, cardError()
	}
	options := req.object("cardUpdateOptions")
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
	return object{"success": true, "result": true}, nil
}

func merged(old, changes map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, old)
	maps.Copy(out, changes)
	return out
}

// cardStream writes one variable. A guid that came before has no second effect.
func (s *Server) cardStream(req *appRequest) (any, *refusal) {
	c, r := s.card(req)
	if r != nil {
		return nil, r
	}
	if guid := req.text("guid"); !slices.Contains(c.pieces, guid) {
		c.pieces = append(c.pieces, guid)
		content := req.text("content")
		if !req.bool("isFull") {
			content = c.Params[req.text("key")] + content
		}
		c.Params = merged(c.Params, map[string]string{req.text("key"): content})
		c.Finished, c.Failed = req.bool("isFinalize"), req.bool("isError")
		s.redraw(c)
	}
	return object{"success": true, "result": true}, nil
}

// Card returns the card with an outTrackId, or an error that wraps [ErrNotFound]. The
// caller must not change what is inside.
func (s *Server) Card(outTrackID string) (Card, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.cards[outTrackID]; c != nil {
		return c.Card, nil
	}
	return Card{}, fmt.Errorf("card %q: %w", outTrackID, ErrNotFound)
}
