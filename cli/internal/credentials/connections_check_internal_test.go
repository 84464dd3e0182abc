package credentials

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/hook"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  *hook.Error
		want string
	}{
		"refused by DingTalk": {
			&hook.Error{Kind: hook.KindNotFound, HTTPStatus: 200, Code: "400013", Message: "group disbanded"},
			`connection ops does not work
  answer:  400013 group disbanded
  meaning: there is no such robot, group or connection (not_found)
  remedy:  the group was disbanded: point the connection at a robot of another group
`,
		},
		"keyword": {
			&hook.Error{Kind: hook.KindAuth, HTTPStatus: 200, Code: "310000", Message: "keywords not in content"},
			`connection ops does not work
  answer:  310000 keywords not in content
  meaning: the credentials are missing or DingTalk does not accept them (auth)
  remedy:  put one of the robot's keywords into the message (each part of a long one needs it), or change them in the group: Group Settings, Bots, this robot, Security Settings
  try:     dingdag connections test ops --message 'a text with the keyword'
`,
		},
		"the organisation's calls": {
			&hook.Error{Kind: hook.KindAuth, HTTPStatus: 403, Code: "Forbidden.AccessDenied.ApiCountLimitForOrg", Message: "limited"},
			`connection ops does not work
  answer:  Forbidden.AccessDenied.ApiCountLimitForOrg limited (HTTP 403 Forbidden)
  meaning: the quota of the month is used up
  remedy:  the organisation's calls of this month are used up: buy more or wait for the next month
`,
		},
		"gateway": {
			&hook.Error{Kind: hook.KindUnavailable, HTTPStatus: 503},
			`connection ops does not work
  answer:  (HTTP 503 Service Unavailable)
  meaning: DingTalk did not accept the message; a later attempt may help (unavailable)
`,
		},
		"too many": {
			&hook.Error{Kind: hook.KindRateLimited, HTTPStatus: 200, Code: "1", Message: "slow down", RetryAfter: time.Minute},
			`connection ops does not work
  answer:  1 slow down
  meaning: too many messages: wait at least 1m0s (rate_limited)
`,
		},
		"before the request": {
			&hook.Error{Kind: hook.KindInvalid, Message: "cannot be sent", Err: errors.New("the message is empty")},
			`connection ops does not work
  cause:   cannot be sent: the message is empty
  meaning: the message or the connection is wrong as it is (invalid)
`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, explain("ops", tt.err))
		})
	}
}
