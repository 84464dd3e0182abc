package dingding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/bot"
	"github.com/dingdag/dingdag/hook/card"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/params"
)

// SendCard sends an interactive card with buttons to a group or to people.
//
// The card has the variables of the notifier dingtalk_card, so that one template serves both: title, markdown and buttons.
// Template, group and people are those of the connection's extra unless given. A try after a lost answer sends no second
// card.
//
// The result has out_track_id (text), by which dingtalk_update_card finds the card and presses of
// its buttons name it, and deliver_results (list of mappings with DingTalk's keys spaceType,
// spaceId, success, carrierId, errorMsg).
//
// DingTalk docs: https://open.dingtalk.com/document/development/create-and-deliver-cards
type SendCard struct {
	// CardTemplateID is the id of the card template; by default card_template_id of the connection's extra.
	CardTemplateID string `yaml:"card_template_id" param:"template"`
	// Title is the variable title.
	Title string `yaml:"title" param:"required,template"`
	// Markdown is the variable markdown: the text.
	Markdown string `yaml:"markdown" param:"template"`
	// Buttons are the variable buttons.
	Buttons []CardButton `yaml:"buttons"`
	// CardParamMap are more variables of the template, all text.
	CardParamMap map[string]string `yaml:"card_param_map" param:"template,digits"`
	// OpenConversationID is the group that the card goes to. Without it and user_ids it is
	// conversation_id of the connection's extra, or else its user_id.
	OpenConversationID string `yaml:"open_conversation_id" param:"template"`
	// UserIDs are the userids of people, at most 20, who all get the same card. They exclude
	// open_conversation_id.
	UserIDs []string `yaml:"user_ids" param:"commas,template,digits"`
	// OutTrackID is the id of the card, a new one for each card. By default it is one of
	// this task instance, the same for all its tries.
	OutTrackID string `yaml:"out_track_id" param:"template"`
	// AtUserIDs are notified, in a group.
	AtUserIDs []string `yaml:"at_user_ids" param:"commas,template,digits"`
	// CallbackType says how DingTalk reports pressed buttons: STREAM or HTTP. By default it is HTTP where there is a
	// route key, and STREAM otherwise, as for the cards of alerts.
	CallbackType string `yaml:"callback_type" param:"enum=STREAM|HTTP"`
	// CallbackRouteKey is the callbackRouteKey under which the address for presses over HTTP was registered; by default
	// card_route_key of the connection's extra.
	CallbackRouteKey string `yaml:"callback_route_key" param:"template"`
	// SupportForward lets people forward the card.
	SupportForward bool `yaml:"support_forward" param:"default=true"`

	sender
	appcall.App
}

// CardButton is a button of a card.
type CardButton struct {
	// Text is what the button says.
	Text string `yaml:"text" json:"text" param:"required,template"`
	// Action is the actionId that a press reports. It excludes url.
	Action string `yaml:"action" json:"action,omitempty" param:"template"`
	// URL is a page that the button opens.
	URL string `yaml:"url" json:"url,omitempty" param:"template"`
	// Params are values that a press reports.
	Params map[string]string `yaml:"params" json:"params,omitempty" param:"template,digits"`
	// Style is how it looks: primary, danger or empty.
	Style string `yaml:"style" json:"style,omitempty" param:"enum=primary|danger"`
}

var _ params.Validator = (*SendCard)(nil)

// Validate checks receivers and buttons.
func (o *SendCard) Validate() error {
	var c appcall.Checks
	c.Required("title", o.Title)
	switch {
	case o.OpenConversationID != "" && len(o.UserIDs) > 0:
		c.Add("user_ids", errors.New("excludes open_conversation_id: give one of the two"))
	case len(o.UserIDs) > 0 && len(o.AtUserIDs) > 0:
		c.Add("at_user_ids", errors.New("is for groups"))
	}
	if o.CallbackType == "STREAM" && o.CallbackRouteKey != "" {
		c.Add("callback_route_key", errors.New("is for callback_type HTTP, and the callback_type is STREAM: leave one of the two out"))
	}
	c.List("user_ids", o.UserIDs, 0, bot.MaxUsers)
	for i, b := range o.Buttons {
		if (b.Action == "") == (b.URL == "") {
			c.Add(fmt.Sprintf("buttons[%d]", i), errors.New("give it an action or a url, and not both"))
		}
	}
	for _, name := range []string{"title", "markdown", "buttons"} {
		if _, twice := o.CardParamMap[name]; twice {
			c.Add("card_param_map", fmt.Errorf("has %s, which is a parameter of its own", name))
		}
	}
	return c.Err()
}

// Execute sends the card and returns a [CreateCardResult].
func (o *SendCard) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*CreateCardResult, error) {
		d := card.Delivery{
			TemplateID: o.CardTemplateID, OutTrackID: o.OutTrackID, OpenConversationID: o.OpenConversationID, UserIDs: o.UserIDs,
			RobotCode: o.RobotCode, AtUserIDs: o.AtUserIDs, SupportForward: o.SupportForward,
		}
		if d.OutTrackID == "" {
			d.OutTrackID = messageKey(tc)
		}
		var err error
		if d.Param, err = o.variables(); err != nil {
			return nil, a.Invalid("make a card", err)
		}
		if err := o.complete(ctx, tc, a, &d); err != nil {
			return nil, err
		}
		got, err := card.Create(ctx, a, d)
		if err != nil {
			return nil, err
		}
		return &CreateCardResult{d.OutTrackID, got.Results}, nil
	})
}

// variables are those of the template.
func (o *SendCard) variables() (map[string]string, error) {
	all := map[string]string{"title": o.Title}
	maps.Copy(all, o.CardParamMap)
	if o.Markdown != "" {
		all["markdown"] = o.Markdown
	}
	if len(o.Buttons) > 0 {
		text, err := json.Marshal(o.Buttons)
		if err != nil {
			return nil, err
		}
		all["buttons"] = string(text)
	}
	return all, nil
}

// complete takes what is not given from the extra of the connection.
func (o *SendCard) complete(ctx context.Context, tc *operator.TaskContext, a *hook.App, d *card.Delivery) error {
	nobody, routeKey := d.OpenConversationID == "" && len(d.UserIDs) == 0, o.CallbackRouteKey
	if o.CallbackType == "STREAM" {
		routeKey = ""
	}
	*d = d.ReportedTo(routeKey)
	routed := routeKey != "" || o.CallbackType == "STREAM"
	if d.TemplateID != "" && !nobody && routed {
		return nil
	}
	if _, err := a.RobotCode(ctx); err != nil {
		return err // the connection is not there, or can not be used
	}
	c, err := tc.Connections.Connection(ctx, o.ConnID)
	if err != nil {
		return err
	}
	extra, err := c.ExtraMap()
	if err != nil {
		return a.Invalid("make a card", err)
	}
	first := func(name string) string {
		all, terr := connections.ExtraTexts(extra, name)
		err = errors.Join(err, terr)
		if len(all) == 0 {
			return ""
		}
		return all[0]
	}
	if d.TemplateID == "" {
		d.TemplateID = first("card_template_id")
	}
	if !routed {
		*d = d.ReportedTo(first("card_route_key"))
	}
	if o.CallbackType == "HTTP" && d.CallbackRouteKey == "" {
		err = errors.Join(err, errors.New("callback_type HTTP needs a route key: give callback_route_key, or set card_route_key in the extra of the connection"))
	}
	if group := first("conversation_id"); nobody && group != "" {
		d.OpenConversationID = group
	} else if person := first("user_id"); nobody && person != "" {
		d.UserIDs = []string{person}
	} else if nobody {
		err = errors.Join(err, errors.New("nobody is named who gets the card: give open_conversation_id or user_ids, or set conversation_id or user_id in the extra of the connection"))
	}
	if d.TemplateID == "" {
		err = errors.Join(err, errors.New("no template is named: give card_template_id, or set it in the extra of the connection"))
	}
	if err != nil {
		return a.Invalid("make a card", err)
	}
	return nil
}
