// Package card makes interactive cards, delivers and changes them.
package card

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dingdag/dingdag/hook"
)

// Delivery is an interactive card and where to deliver it: into a group or to a
// person.
type Delivery struct {
	TemplateID string
	// OutTrackID is the caller's id of this card, by which it is updated. Use one value
	// for each card.
	OutTrackID string
	// Param are the values of the template's variables, all text.
	Param map[string]string
	// OpenConversationID, UserID or UserIDs says where the card goes. Several people have the same card, each
	// in a chat with the bot.
	OpenConversationID string
	UserID             string
	UserIDs            []string
	// RobotCode is the bot's that delivers it; empty means that of [hook.App.RobotCode].
	RobotCode string
	// AtUserIDs are notified, in groups.
	AtUserIDs []string
	// CallbackType is STREAM or HTTP, with the CallbackRouteKey of a registered
	// address. Empty means that the buttons call nobody.
	CallbackType     string
	CallbackRouteKey string
	// SupportForward lets people forward the card.
	SupportForward bool
}

// ReportedTo is the card whose presses DingTalk reports to the address that is registered under a route key, or without one
// over the stream.
func (d Delivery) ReportedTo(routeKey string) Delivery {
	d.CallbackType, d.CallbackRouteKey = "STREAM", ""
	if routeKey != "" {
		d.CallbackType, d.CallbackRouteKey = "HTTP", routeKey
	}
	return d
}

// Delivered tells where a card arrived.
type Delivered struct {
	OutTrackID string   `json:"outTrackId"`
	Results    []Result `json:"deliverResults"`
}

// Result is what became of a card in one place.
type Result struct {
	SpaceType string `json:"spaceType"`
	SpaceID   string `json:"spaceId"`
	Success   bool   `json:"success"`
	CarrierID string `json:"carrierId"`
	ErrorMsg  string `json:"errorMsg"`
}

// cardData holds the values of variables on the wire.
type cardData struct {
	Param map[string]string `json:"cardParamMap"`
}

func dataOf(param map[string]string) cardData {
	if param == nil {
		param = map[string]string{}
	}
	return cardData{param}
}

// deliveryBody is the wire form of Delivery.
type deliveryBody struct {
	TemplateID       string   `json:"cardTemplateId"`
	OutTrackID       string   `json:"outTrackId"`
	CallbackType     string   `json:"callbackType,omitempty"`
	CallbackRouteKey string   `json:"callbackRouteKey,omitempty"`
	Data             cardData `json:"cardData"`
	OpenSpaceID      string   `json:"openSpaceId"`
	UserIDType       int      `json:"userIdType"`

	GroupSpace   *cardSpace   `json:"imGroupOpenSpaceModel,omitempty"`
	GroupDeliver *cardDeliver `json:"imGroupOpenDeliverModel,omitempty"`
	RobotSpace   *cardSpace   `json:"imRobotOpenSpaceModel,omitempty"`
	RobotDeliver *cardDeliver `json:"imRobotOpenDeliverModel,omitempty"`
}

type cardSpace struct {
	SupportForward bool `json:"supportForward"`
}

type cardDeliver struct {
	SpaceType string            `json:"spaceType,omitempty"`
	RobotCode string            `json:"robotCode"`
	AtUserIDs map[string]string `json:"atUserIds,omitempty"`
}

// userIDs says that ids are userids.
const userIDs = 1

// people are all who get the card.
func (d Delivery) people() []string {
	if d.UserID == "" {
		return d.UserIDs
	}
	return append([]string{d.UserID}, d.UserIDs...)
}

func (d Delivery) body(robotCode string) deliveryBody {
	b := deliveryBody{
		TemplateID: d.TemplateID, OutTrackID: d.OutTrackID, CallbackType: d.CallbackType, CallbackRouteKey: d.CallbackRouteKey,
		Data: dataOf(d.Param), UserIDType: userIDs,
	}
	space, deliver := &cardSpace{d.SupportForward}, &cardDeliver{RobotCode: robotCode}
	if people := d.people(); len(people) > 0 {
		spaces := make([]string, len(people))
		for i, id := range people {
			spaces[i] = "dtv1.card//IM_ROBOT." + id
		}
		b.OpenSpaceID = strings.Join(spaces, ";")
		deliver.SpaceType = "IM_ROBOT"
		b.RobotSpace, b.RobotDeliver = space, deliver
		return b
	}
	for _, id := range d.AtUserIDs {
		if deliver.AtUserIDs == nil {
			deliver.AtUserIDs = map[string]string{}
		}
		deliver.AtUserIDs[id] = id
	}
	b.OpenSpaceID = "dtv1.card//IM_GROUP." + d.OpenConversationID
	b.GroupSpace, b.GroupDeliver = space, deliver
	return b
}

// Create creates an interactive card and delivers it. A delivery that fails with HTTP 200 is
// an error of kind invalid. A lost answer is one of kind uncertain.
//
// DingTalk docs: https://open.dingtalk.com/document/development/create-and-deliver-cards
//
//dingtalk:api POST /v1.0/card/instances/createAndDeliver
func Create(ctx context.Context, a *hook.App, d Delivery) (*Delivered, error) {
	op := fmt.Sprintf("create card %q", d.OutTrackID)
	if (len(d.people()) == 0) == (d.OpenConversationID == "") {
		return nil, a.Invalid(op, errors.New("a card goes either to a group or to users"))
	}
	code, err := a.BotCode(ctx, d.RobotCode)
	if err != nil {
		return nil, err
	}
	var got struct {
		Result Delivered `json:"result"`
	}
	err = a.Do(ctx, hook.Call{
		Op: op, API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/card/instances/createAndDeliver", Body: d.body(code),
	}, &got)
	if err != nil {
		return nil, err
	}
	for _, r := range got.Result.Results {
		if !r.Success {
			return &got.Result, a.Failed(op, &hook.Error{Kind: hook.KindInvalid, Message: fmt.Sprintf("the card was not delivered to %s: %s", r.SpaceID, r.ErrorMsg)})
		}
	}
	return &got.Result, nil
}

// Change is what to change on a card that was delivered.
type Change struct {
	OutTrackID string
	// Param are new values of variables; others keep theirs unless Replace.
	Param map[string]string
	// Private are values that one user sees alone, by userid.
	Private map[string]map[string]string
	// Replace drops the values of all variables that are not in Param.
	Replace bool
}

// Update changes a card.
//
// DingTalk docs: https://open.dingtalk.com/document/development/interactive-card-update-interface
//
//dingtalk:api PUT /v1.0/card/instances
func Update(ctx context.Context, a *hook.App, u Change) error {
	type options struct {
		ByKey        bool `json:"updateCardDataByKey"`
		PrivateByKey bool `json:"updatePrivateDataByKey,omitempty"`
	}
	var private map[string]cardData
	for id, param := range u.Private {
		if private == nil {
			private = map[string]cardData{}
		}
		private[id] = dataOf(param)
	}
	return a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("update card %q", u.OutTrackID), API: hook.NewAPI, Method: http.MethodPut, Path: "/v1.0/card/instances", Safe: true,
		Body: struct {
			OutTrackID string              `json:"outTrackId"`
			Data       cardData            `json:"cardData"`
			Private    map[string]cardData `json:"privateData,omitempty"`
			Options    options             `json:"cardUpdateOptions"`
			UserIDType int                 `json:"userIdType,omitempty"`
		}{u.OutTrackID, dataOf(u.Param), private, options{!u.Replace, !u.Replace && private != nil}, userIDTypeOf(private)},
	}, nil)
}

// userIDTypeOf leaves the kind of ids out where there are none.
func userIDTypeOf(private map[string]cardData) int {
	if private == nil {
		return 0
	}
	return userIDs
}

// Piece is a piece of text for a variable of a card that is written while people
// read.
type Piece struct {
	OutTrackID string `json:"outTrackId"`
	// GUID is new for each piece: DingTalk takes a piece once.
	GUID string `json:"guid"`
	// Key is the variable. Content replaces its text when Full, as Markdown must, and
	// is put behind it otherwise.
	Key     string `json:"key"`
	Content string `json:"content"`
	Full    bool   `json:"isFull"`
	// Final says that this is the last piece, Failed that no more come for an error.
	Final  bool `json:"isFinalize"`
	Failed bool `json:"isError"`
}

// Stream writes a piece of text into a card.
//
// DingTalk docs: https://open.dingtalk.com/document/development/api-streamingupdate
//
//dingtalk:api PUT /v1.0/card/streaming
func Stream(ctx context.Context, a *hook.App, p Piece) error {
	return a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("stream into card %q", p.OutTrackID), API: hook.NewAPI, Method: http.MethodPut, Path: "/v1.0/card/streaming",
		Body: p, Safe: true,
	}, nil)
}
