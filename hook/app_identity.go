package hook

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// What calls of an app name it and people by.

// UnionID returns the unionId of a member, which most new APIs take as operatorId. It
// is looked up once and remembered for all that use the same app.
func (a *App) UnionID(ctx context.Context, userID string) (string, error) {
	conn, e := a.conn(ctx)
	if e != nil {
		return "", a.Failed("find the unionId of a user", e)
	}
	if id, ok := conn.unionIDs.Load(userID); ok {
		return id.(string), nil
	}
	type named struct {
		UnionID string `json:"unionid"`
	}
	got, err := ReadUser[named](ctx, a, userID, "")
	if err != nil {
		return "", err
	}
	if got.UnionID == "" {
		return "", a.Invalid("find the unionId of a user", fmt.Errorf("user %q has none", userID))
	}
	conn.unionIDs.Store(userID, got.UnionID)
	return got.UnionID, nil
}

// ReadUser reads of a member what T asks for, with DingTalk's keys: all of it has the package
// directory. The language of names is zh_CN or en_US, empty for zh_CN.
//
// DingTalk docs: https://open.dingtalk.com/document/development/query-user-details
//
//dingtalk:api POST /topapi/v2/user/get
func ReadUser[T any](ctx context.Context, a *App, userID, language string) (*T, error) {
	return Lookup[T](ctx, a, fmt.Sprintf("get user %q", userID), "/topapi/v2/user/get", struct {
		UserID   string `json:"userid"`
		Language string `json:"language,omitempty"`
	}{userID, language})
}

// OperatorID returns the unionId that a call acts as: unionID itself, or that of the
// member userID, or that of the connection's operator_user_id.
func (a *App) OperatorID(ctx context.Context, unionID, userID string) (string, error) {
	if unionID != "" {
		return unionID, nil
	}
	if userID == "" {
		conn, err := a.conn(ctx)
		if err != nil {
			return "", a.Failed("find the operator", err)
		}
		userID = conn.operatorUserID
	}
	if userID == "" {
		return "", a.Invalid("find the operator", errors.New(
			"the call needs somebody to act as: set operator_id (a unionId) or operator_user_id (a userid), or operator_user_id in the connection's extra"))
	}
	return a.UnionID(ctx, userID)
}

// AgentID returns id, or that of the connection when it is 0.
func (a *App) AgentID(ctx context.Context, id int64) (int64, error) {
	if id != 0 {
		return id, nil
	}
	conn, err := a.conn(ctx)
	if err != nil {
		return 0, a.Failed("find the agent_id", err)
	}
	if conn.agentID == 0 {
		return 0, a.Invalid("find the agent_id", errors.New(
			"the call needs the app's AgentId, which the developer console shows: set agent_id, or agent_id in the connection's extra"))
	}
	return conn.agentID, nil
}

// BotCode returns code, or that of the app's bot.
func (a *App) BotCode(ctx context.Context, code string) (string, error) {
	if code != "" {
		return code, nil
	}
	return a.RobotCode(ctx)
}

// ActingAs is the query of calls that act as somebody: operatorID is a unionId.
func ActingAs(operatorID string) url.Values { return url.Values{"operatorId": {operatorID}} }

// JoinIDs writes ids as DingTalk takes them in one text.
func JoinIDs(ids []int64) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(ids), " ", ","), "[]")
}

// Undelivered is somebody who did not get a message, a DING or a notice.
type Undelivered struct {
	UserID string `json:"userid"`
	// Reason is a sentence; Code is DingTalk's, if there is one.
	Reason string `json:"reason"`
	Code   string `json:"code,omitempty"`
}
