package hook_test

import (
	"testing"

	"github.com/dingdag/dingdag/hook/internal/calltest"
)

// What is called here has tests of its own, or is called in a package of its resource, too.
func TestCommentsMatchTheFacts(t *testing.T) {
	t.Parallel()
	calltest.CheckComments(t, nil,
		"POST /robot/send", "POST /robot/sendBySession", "GET /gettoken", "POST /v1.0/oauth2/accessToken", "POST /topapi/v2/user/get",
		"POST /topapi/user/count", "POST /v1.0/gateway/connections/open", "POST /topapi/v2/department/listsub", "POST /v1.0/contact/users/search",
		"GET /v1.0/robot/oToMessages/readStatus", "POST /v1.0/im/sceneGroups/query")
}
