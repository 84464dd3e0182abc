package card

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/bot"
	"github.com/dingdag/dingdag/hook/card"
	"github.com/dingdag/dingdag/store"
)

// Followed is a run that a conversation wants to see until it ends.
type Followed struct {
	// ConnID is the connection of the application, OpenConversationID the group, or UserID the person.
	ConnID, OpenConversationID, UserID string
	DAGID, RunID                       string
	// Ref names what asked for it, which has one card however often it asks.
	Ref string
	// Timezone is the IANA name of the zone in which times are shown.
	Timezone string
}

// Follow begins to follow a run: by a card that is redrawn until the run has ended, or where the connection has no
// template by a message at the end.
func (k *Keeper) Follow(ctx context.Context, f Followed) error {
	shows, err := json.Marshal(face.Face{
		Title: fmt.Sprintf("%s: %s", f.DAGID, f.RunID), Status: face.Queued, Actions: []face.Action{face.Retry}, Timezone: f.Timezone,
	})
	if err != nil {
		return fmt.Errorf("follow run %s of dag %q: %w", f.RunID, f.DAGID, err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", f.ConnID, f.Ref, f.DAGID, f.RunID))
	now := k.o.Clock()
	c := &store.Card{
		OutTrackID: "dingdag-run-" + hex.EncodeToString(sum[:16]), ConnID: f.ConnID, Kind: store.RunCard, DAGID: f.DAGID, RunID: f.RunID, MapIndex: -1,
		OpenConversationID: f.OpenConversationID, Face: shows, MadeAt: now, UpdatedAt: now,
	}
	if f.UserID != "" && f.OpenConversationID == "" {
		c.UserIDs = []string{f.UserID}
	}
	err = k.o.Store.Tx(ctx, func(tx store.Tx) error {
		_, err := tx.InsertCard(ctx, c)
		return err
	})
	if err == nil {
		k.Wake()
	}
	return err
}

// What Shown of a card that follows a run is besides a hash.
const (
	// byMessage is of one that is none: a message tells the end.
	byMessage = "message"
	// creating is of one that may have been delivered, created of one that has been. What it shows is unknown then, since DingTalk
	// keeps what came first when a card is created twice.
	creating, created = "creating", "created"
)

// follow adds to what a card of a run shows, and delivers it at first. It reports false when there is nothing to redraw now.
func (k *Keeper) follow(ctx context.Context, c *store.CardNow, f *face.Face, is *face.Now, now time.Time) (going bool, err error) {
	is.Try = 0
	if is.Detail, err = k.progress(ctx, c); err != nil {
		return false, err
	}
	template, routeKey, first := "", "", c.Shown == ""
	if first || c.Shown == creating {
		if template, routeKey, err = k.template(ctx, c.ConnID); err != nil {
			return false, k.failed(ctx, c, err, now)
		}
	}
	switch {
	case c.Shown == byMessage || first && template == "":
		return false, k.tellEnd(ctx, c, f, is, now)
	case c.Shown == creating && template == "": // the template was taken away
		c.Shown = created
		return true, nil
	case first:
		c.Shown = creating
		if err := k.write(ctx, c); err != nil {
			return false, err
		}
	case c.Shown != creating:
		return true, nil
	}
	param := f.Param(*is)
	d := card.Delivery{
		TemplateID: template, OutTrackID: c.OutTrackID, Param: param, OpenConversationID: c.OpenConversationID, UserIDs: c.UserIDs,
		SupportForward: true,
	}
	_, err = card.Create(ctx, k.o.Hook.App(c.ConnID), d.ReportedTo(routeKey))
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		if e, ok := errors.AsType[*hook.Error](err); first && ok && !e.Uncertain() {
			c.Shown = "" // it does not exist
		}
		return false, k.failed(ctx, c, err, now)
	case !first:
		c.Shown = created
		return true, nil
	}
	c.Shown, c.Failures, c.Error, c.NextLook, c.UpdatedAt = face.Hash(param), 0, "", time.Time{}, now
	if is.Status.Final() {
		c.ClosedAt = now
	}
	return false, k.write(ctx, c)
}

// template is that of a connection, empty for none, and the route key under which presses are reported over HTTP, empty
// for the stream.
func (k *Keeper) template(ctx context.Context, connID string) (template, routeKey string, err error) {
	conn, err := k.o.Connections.Connection(ctx, connID)
	if err != nil {
		return "", "", err
	}
	extra, err := conn.ExtraMap()
	if err != nil {
		return "", "", err
	}
	for key, into := range map[string]*string{"card_template_id": &template, "card_route_key": &routeKey} {
		all, err := connections.ExtraTexts(extra, key)
		if err != nil {
			return "", "", err
		}
		if len(all) > 0 {
			*into = all[0]
		}
	}
	return template, routeKey, nil
}

// tellEnd sends a message once the run has ended. That it is about to leave is in the store before it does: a message that
// a crash cuts off is not sent again, since nobody knows whether it arrived.
func (k *Keeper) tellEnd(ctx context.Context, c *store.CardNow, f *face.Face, is *face.Now, now time.Time) error {
	ended := is.Status.Final() || is.Status == face.Failed
	if !ended {
		if c.Shown == byMessage {
			return nil
		}
		c.Shown = byMessage
		return k.write(ctx, c)
	}
	c.Shown, c.ClosedAt, c.UpdatedAt, c.Error = byMessage, now, now, "the message that the run has ended may not have arrived"
	if err := k.write(ctx, c); err != nil {
		return err
	}
	text := "### " + f.Title + "\n\n**" + is.Status.Words() + "**"
	if is.Detail != "" {
		text += "\n\n" + is.Detail
	}
	if is.Status == face.Failed {
		text += "\n\n下一步 Next: `why " + c.DAGID + "`"
	}
	m := bot.Message{Key: "sampleMarkdown", Param: map[string]string{"title": f.Title + " " + is.Status.Words(), "text": text}}
	app := k.o.Hook.App(c.ConnID)
	var err error
	if c.OpenConversationID != "" {
		_, err = bot.SendToGroup(ctx, app, c.OpenConversationID, m)
	} else {
		err = sendTo(ctx, app, c.UserIDs, m)
	}
	if e, ok := errors.AsType[*hook.Error](err); ok && e.Retryable() {
		c.ClosedAt = time.Time{} // it did not leave
	}
	if err != nil {
		return k.failed(context.WithoutCancel(ctx), c, err, now)
	}
	c.Error, c.Failures = "", 0
	return k.write(context.WithoutCancel(ctx), c)
}

// sendTo sends to people, and fails when one of them does not get it.
func sendTo(ctx context.Context, app *hook.App, userIDs []string, m bot.Message) error {
	sent, err := bot.SendToUsers(ctx, app, userIDs, m)
	if err != nil {
		return err
	}
	missed := sent.Undelivered()
	if len(missed) == 0 {
		return nil
	}
	kind := hook.KindInvalid
	if len(sent.FlowControlled) == len(userIDs) {
		kind = hook.KindRateLimited // nobody has got it
	}
	return app.Failed("tell that a run has ended", &hook.Error{Kind: kind, Message: fmt.Sprintf("%s did not get it: %s", missed[0].UserID, missed[0].Reason)})
}

// maxNamed is how many task instances of a state are named.
const maxNamed = 5

// progress says how many task instances of a run are in which state, and names those that run or have failed.
func (k *Keeper) progress(ctx context.Context, c *store.CardNow) (string, error) {
	if c.RunKey == 0 {
		return "", nil
	}
	is, err := k.o.Store.Instances(ctx, c.RunKey)
	if err != nil {
		return "", err
	}
	by := map[dag.State][]string{}
	for _, in := range is {
		by[in.State] = append(by[in.State], "`"+strings.ReplaceAll(in.Label(), "`", "'")+"`")
	}
	var parts []string
	for _, s := range []struct {
		states []dag.State
		words  string
		named  bool
	}{
		{[]dag.State{dag.Failed}, "失败 failed", true},
		{[]dag.State{dag.Running, dag.Restarting, dag.Deferred, dag.UpForReschedule}, "运行中 running", true},
		{[]dag.State{dag.UpForRetry}, "将重试 to be retried", true},
		{[]dag.State{dag.Success}, "成功 succeeded", false},
		{[]dag.State{dag.Skipped}, "已跳过 skipped", false},
		{[]dag.State{dag.UpstreamFailed}, "上游失败 upstream failed", false},
	} {
		var all []string
		for _, state := range s.states {
			all = append(all, by[state]...)
		}
		if len(all) == 0 {
			continue
		}
		text := fmt.Sprintf("- %s: %d", s.words, len(all))
		if s.named {
			slices.Sort(all)
			text += " " + strings.Join(all[:min(len(all), maxNamed)], " ")
			if more := len(all) - maxNamed; more > 0 {
				text += fmt.Sprintf(" … +%d", more)
			}
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "\n"), nil
}
