package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/bot"
)

// Place is where a message of an app's bot goes, and whether it is taken back: what the payloads of such messages in the
// outbox have in common. It holds no credentials.
type Place struct {
	ConnID             string   `json:"dingtalk_conn_id"`
	OpenConversationID string   `json:"open_conversation_id,omitempty"`
	UserIDs            []string `json:"user_ids,omitempty"`
	// Recallable says that the message is to be taken back on recovery.
	Recallable bool `json:"recall_on_recovery,omitempty"`
	// Recalls is the process_query_key of the message that this one takes back.
	Recalls string `json:"recalls,omitempty"`
}

// Channel is that of messages to the place by a sender.
func (p *Place) Channel(sender string) string {
	if p.OpenConversationID != "" {
		return callbacks.ChannelOf(sender, p.ConnID, p.OpenConversationID)
	}
	return callbacks.ChannelOf(sender, p.ConnID, p.UserIDs...)
}

// All is the place for messages to the same receivers of which nothing is said but that, whatever order people stand in.
func (p *Place) All() Place {
	return Place{ConnID: p.ConnID, OpenConversationID: p.OpenConversationID, UserIDs: callbacks.SortedReceivers(p.UserIDs)}
}

// keyed comes before the key of a message in its receipt, which ends there or at a semicolon.
const keyed = "process_query_key "

// Send sends a message to the place. The receipt has the key of the message, and names whom DingTalk left out. That
// nobody got it is an error.
func (p *Place) Send(ctx context.Context, app *hook.App, m bot.Message) (receipt string, err error) {
	if p.OpenConversationID != "" {
		key, err := bot.SendToGroup(ctx, app, p.OpenConversationID, m)
		if err != nil {
			return "", err
		}
		return keyed + key, nil
	}
	sent, err := bot.SendToUsers(ctx, app, p.UserIDs, m)
	if err != nil {
		return "", err
	}
	missed := sent.Undelivered()
	if len(missed) >= len(p.UserIDs) {
		return "", app.Invalid("send a bot message to users", fmt.Errorf("nobody got it: %s: %s", missed[0].UserID, missed[0].Reason))
	}
	parts := []string{keyed + sent.ProcessQueryKey}
	for _, u := range missed {
		parts = append(parts, fmt.Sprintf("not to %s: %s", u.UserID, u.Reason))
	}
	return strings.Join(parts, "; "), nil
}

// Back is the place of the message that takes one with this receipt back, if that is wanted.
func (p *Place) Back(receipt string) (back Place, ok bool) {
	_, key, _ := strings.Cut(receipt, keyed)
	key, _, _ = strings.Cut(key, ";")
	if key == "" || !p.Recallable {
		return Place{}, false
	}
	return Place{ConnID: p.ConnID, OpenConversationID: p.OpenConversationID, UserIDs: p.UserIDs, Recalls: key}, true
}

// Recall takes the message back that Recalls names.
func (p *Place) Recall(ctx context.Context, app *hook.App) (receipt string, err error) {
	var got *bot.Recalled
	if p.OpenConversationID != "" {
		got, err = bot.RecallFromGroup(ctx, app, "", p.OpenConversationID, []string{p.Recalls})
	} else {
		got, err = bot.RecallFromUsers(ctx, app, "", []string{p.Recalls})
	}
	if err != nil {
		return "", err
	}
	if why, failed := got.Failed[p.Recalls]; failed {
		return "", app.Invalid("recall a bot message", errors.New(why))
	}
	return "recalled", nil
}
