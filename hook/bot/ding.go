package bot

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/dingdag/dingdag/hook"
)

// The ways of a DING. SMS and calls are paid.
const (
	DingApp  = 1
	DingSMS  = 2
	DingCall = 3
)

// MaxDingUsers is how many people a DING of a way reaches.
func MaxDingUsers(way int) int {
	if way == DingApp {
		return 200
	}
	return 20
}

// DingVoices lists the voices of calls; the first is the default.
func DingVoices() []string {
	return []string{
		"Standard_Female_Voice", "Cantonese_Female_Voice", "Gentine_Female_Voice", "Overbearing_Female_Voice",
		"Lovely_Girl_Voice", "Standard_Male_Voice",
	}
}

// Ding is an urgent message: [DingApp], [DingSMS] or [DingCall]. Voice is one of
// [DingVoices], for calls, and may be empty; an empty RobotCode means that of the app.
type Ding struct {
	RobotCode string
	Way       int
	UserIDs   []string
	Content   string
	Voice     string
}

// SentDing names a DING. Failed has the userids that it did not reach, by the reason.
type SentDing struct {
	OpenDingID string              `json:"openDingId"`
	Failed     map[string][]string `json:"failedList"`
}

// Undelivered lists whom the DING did not reach, and why.
func (s *SentDing) Undelivered() []hook.Undelivered {
	var all []hook.Undelivered
	for _, reason := range slices.Sorted(maps.Keys(s.Failed)) {
		for _, id := range s.Failed[reason] {
			all = append(all, hook.Undelivered{UserID: id, Reason: reason})
		}
	}
	return all
}

// SendDing sends a DING. A lost answer is an error of kind uncertain.
//
// DingTalk docs: https://open.dingtalk.com/document/development/robot-sends-nail-message
//
//dingtalk:api POST /v1.0/robot/ding/send
func SendDing(ctx context.Context, a *hook.App, d Ding) (*SentDing, error) {
	code, err := a.BotCode(ctx, d.RobotCode)
	if err != nil {
		return nil, err
	}
	var got SentDing
	err = a.Do(ctx, hook.Call{
		Op: "send a DING", API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/robot/ding/send",
		Body: struct {
			RobotCode string   `json:"robotCode"`
			Way       int      `json:"remindType"`
			UserIDs   []string `json:"receiverUserIdList"`
			Content   string   `json:"content"`
			Voice     string   `json:"callVoice,omitempty"`
		}{code, d.Way, d.UserIDs, d.Content, d.Voice},
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// RecallDing takes a DING back; it has to be of the same bot. An empty robotCode means
// that of the app.
//
// DingTalk docs: https://open.dingtalk.com/document/development/robot-withdraws-pin-message
//
//dingtalk:api POST /v1.0/robot/ding/recall
func RecallDing(ctx context.Context, a *hook.App, robotCode, openDingID string) error {
	code, err := a.BotCode(ctx, robotCode)
	if err != nil {
		return err
	}
	return a.Do(ctx, hook.Call{
		Op: "recall a DING", API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/robot/ding/recall", Safe: true,
		Body: map[string]string{"robotCode": code, "openDingId": openDingID},
	}, nil)
}
