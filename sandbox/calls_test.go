package sandbox_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

var wildcard = regexp.MustCompile(`\{\w+\}`)

// Each call can be made to fail by its name, and the log of attempts tells.
func TestFaultsOnEachCall(t *testing.T) {
	t.Parallel()
	patterns := sandbox.Patterns()
	require.Len(t, patterns, len(sandbox.Calls()))
	for name, pattern := range patterns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := boxtest.Start(t)
			b.Fault(sandbox.Fault{Kind: sandbox.FaultBusy, Call: name})
			method, path, modern := strings.Cut(wildcard.ReplaceAllString(pattern, "x"), " ")
			if !modern {
				method, path = http.MethodPost, pattern
			}
			status, got := b.Do(t, method, path, "{}")
			if modern {
				assert.Equal(t, http.StatusServiceUnavailable, status)
				assert.Contains(t, got, "serviceBusy")
			} else {
				assert.Equal(t, http.StatusOK, status)
				assert.Equal(t, -1, boxtest.Read[boxtest.Reply](t, got).Code)
			}
			require.Len(t, b.Attempts(), 1)
			assert.Equal(t, name, b.Attempts()[0].Call)
			assert.Equal(t, sandbox.FaultBusy, b.Attempts()[0].Fault)
			assert.Equal(t, path, b.Attempts()[0].Path)

			_, got = b.Do(t, method, path, "{}")
			assert.NotContains(t, got, "serviceBusy")
			assert.True(t, b.Attempts()[1].Refused(), "nobody may call without a token: "+got)
		})
	}
}

// An effect whose answer is lost is still an effect.
func TestLostAnswersOfAppCalls(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	o.Fault(sandbox.Fault{Kind: sandbox.FaultAnswerLost, Call: "rows.append"})
	_, _, err := o.Try(t, http.MethodPost, boxtest.BookPath+"/sheets/"+o.Worksheets(t)[1].ID+"/appendRows?"+boxtest.ZhangSan, `{"values":[["a"]]}`,
		"x-acs-dingtalk-access-token", o.Token)
	require.Error(t, err)
	assert.Equal(t, [][]any{{"a"}}, o.Worksheets(t)[1].Values)

	o.Fault(sandbox.Fault{Kind: sandbox.FaultCut, Call: "rows.append"})
	_, _, err = o.Try(t, http.MethodPost, boxtest.BookPath+"/sheets/"+o.Worksheets(t)[1].ID+"/appendRows?"+boxtest.ZhangSan, `{"values":[["b"]]}`,
		"x-acs-dingtalk-access-token", o.Token)
	require.Error(t, err)
	assert.Equal(t, [][]any{{"a"}}, o.Worksheets(t)[1].Values)
}

// Nothing that a client sends may end a request without an answer.
func FuzzAppCalls(f *testing.F) {
	f.Add("range.update", `{"values":[["a"]],"fontSizes":[[1]],"hyperlinks":[[{}]]}`)
	f.Add("notice.send", `{"agent_id":1,"userid_list":"user001","msg":{"msgtype":"oa","oa":{"body":{"form":[1]}}}}`)
	f.Add("card.create", `{"cardTemplateId":"t","outTrackId":"o","cardData":{"cardParamMap":null},"openSpaceId":";","privateData":{"u":1}}`)
	f.Add("user.create", `{"name":"x","mobile":"13900000000","dept_id_list":",","extension":{}}`)
	f.Add("chat.create", `{"name":"x","owner":"user001","useridlist":["user001"],"managementOptions":{"searchable":1.5}}`)
	app := sandbox.DemoApp("fuzz")
	patterns := sandbox.Patterns()
	f.Fuzz(func(t *testing.T, name, body string) {
		pattern, known := patterns[name]
		if !known {
			return
		}
		s := sandbox.New(sandbox.Options{})
		require.NoError(t, s.Seed(sandbox.DemoOrganisation()))
		require.NoError(t, s.AddApp(app))
		if method, path, modern := strings.Cut(pattern, " "); modern {
			path = strings.NewReplacer("{workbookId}", sandbox.DemoWorkbookID, "{rangeAddress}", "A1", "{sheetId}", "st-demowor-2").Replace(path)
			boxtest.Direct(t, s, app, method, wildcard.ReplaceAllString(path, "x")+"?"+boxtest.ZhangSan, body)
			return
		}
		boxtest.DirectLegacy(t, s, app, pattern, body)
	})
}
