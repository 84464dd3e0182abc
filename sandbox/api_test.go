package sandbox_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestAPIMessages(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	boxtest.Fill(t, b)

	status, got := b.Do(t, http.MethodGet, "/sandbox/api/messages?robot=reports&type=markdown&text=DONE&after=1", "")
	assert.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, `{"messages":[{
		"id":2, "time":"2023-11-14T22:13:20Z", "robot":"reports", "group":"reports", "type":"markdown",
		"content":{"title":"Nightly","text":"# Done"}, "mentions":{}, "remote_ip":"127.0.0.1",
		"raw":{"msgtype":"markdown","markdown":{"title":"Nightly","text":"# Done"}}}]}`, got)

	_, one := b.Do(t, http.MethodGet, "/sandbox/api/messages/2", "")
	assert.JSONEq(t, strings.TrimSuffix(strings.TrimPrefix(got, `{"messages":[`), "]}\n"), one)

	status, got = b.Do(t, http.MethodGet, "/sandbox/api/messages/9", "")
	assert.Equal(t, http.StatusNotFound, status)
	assert.JSONEq(t, `{"error":"message 9: not found"}`, got)

	status, got = b.Do(t, http.MethodGet, "/sandbox/api/messages?after=x", "")
	assert.Equal(t, http.StatusBadRequest, status)
	assert.JSONEq(t, `{"error":"after must be a message id, not \"x\""}`, got)

	// With a limit, the newest come first.
	for query, ids := range map[string]string{"limit=2": "3 2", "limit=2&offset=2": "1", "limit=9&robot=reports&offset=1": "", "limit=0": "", "limit=1&offset=99": ""} {
		status, got = b.Do(t, http.MethodGet, "/sandbox/api/messages?"+query, "")
		assert.Equal(t, http.StatusOK, status)
		var page struct {
			Messages []sandbox.Message `json:"messages"`
			Total    int               `json:"total"`
		}
		require.NoError(t, json.Unmarshal([]byte(got), &page))
		var shown []string
		for _, m := range page.Messages {
			shown = append(shown, strconv.Itoa(m.ID))
		}
		assert.Equal(t, ids, strings.Join(shown, " "), query)
		assert.Equal(t, len(b.Messages(sandbox.Filter{Robot: map[bool]string{true: "reports"}[strings.Contains(query, "reports")]})), page.Total, query)
	}
	for query, problem := range map[string]string{"limit=x": `limit must be a number that is not negative, not \"x\"`, "limit=1&offset=-1": `offset must be a number that is not negative, not \"-1\"`} {
		status, got = b.Do(t, http.MethodGet, "/sandbox/api/messages?"+query, "")
		assert.Equal(t, http.StatusBadRequest, status)
		assert.JSONEq(t, `{"error":"`+problem+`"}`, got)
	}

	status, _ = b.Do(t, http.MethodDelete, "/sandbox/api/messages", "")
	assert.Equal(t, http.StatusOK, status)
	_, got = b.Do(t, http.MethodGet, "/sandbox/api/messages", "")
	assert.JSONEq(t, `{"messages":[]}`, got)
}

func TestAPIAttempts(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := b.AddRobot(sandbox.Robot{Name: "ops", Keywords: []string{"build"}})
	b.Post(t, robot, "", boxtest.Hello)
	_, got := b.Do(t, http.MethodGet, "/sandbox/api/attempts", "")
	var out struct {
		Attempts []sandbox.Attempt `json:"attempts"`
	}
	require.NoError(t, json.Unmarshal([]byte(got), &out))
	assert.Equal(t, b.Attempts(), out.Attempts)
	assert.Equal(t, 310000, out.Attempts[0].Code)
}

func TestAPIRobots(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	token := strings.Repeat("ab", 32)
	ops := `{"name":"ops","group":"ops","token":"` + token + `","keywords":["build"],"rate":{"per_minute":2,"block":"1m30s"},
		"members":[{"mobile":"13800000000","user_id":"user001"}]}`

	status, got := b.Do(t, http.MethodPost, "/sandbox/api/robots", ops)
	assert.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, ops, got)
	status, _ = b.Do(t, http.MethodPost, "/sandbox/api/robots", ops)
	assert.Equal(t, http.StatusConflict, status)

	changed := `{"name":"on call","group":"g","secret":"SECx"}`
	status, got = b.Do(t, http.MethodPut, "/sandbox/api/robots/"+token, changed)
	assert.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, `{"name":"on call","group":"g","secret":"SECx","token":"`+token+`"}`, got)
	_, list := b.Do(t, http.MethodGet, "/sandbox/api/robots", "")
	assert.JSONEq(t, `{"robots":[`+got+`]}`, list)

	status, _ = b.Do(t, http.MethodPut, "/sandbox/api/robots/"+strings.Repeat("0", 64), changed)
	assert.Equal(t, http.StatusNotFound, status)
}

func TestAPIFaults(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	fault := `{"kind":"slow","call":"robot.send","times":3,"delay":"1.5s"}`

	_, got := b.Do(t, http.MethodPost, "/sandbox/api/faults", fault)
	assert.JSONEq(t, `{"faults":[`+fault+`]}`, got)
	_, got = b.Do(t, http.MethodGet, "/sandbox/api/faults", "")
	assert.JSONEq(t, `{"faults":[`+fault+`]}`, got)
	b.Do(t, http.MethodDelete, "/sandbox/api/faults", "")
	assert.Empty(t, b.Faults())

	status, got := b.Do(t, http.MethodPost, "/sandbox/api/faults", `{"kind":"busy","robot":"nobody"}`)
	assert.Equal(t, http.StatusNotFound, status)
	assert.Contains(t, got, "no robot has this name or token")
}

func TestAPIRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	tests := map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"broken":          {http.MethodPost, "robots", `{`, 400, "unexpected EOF"},
		"unknown key":     {http.MethodPost, "robots", `{"neme":"x"}`, 400, `unknown field \"neme\"`},
		"unknown in rate": {http.MethodPost, "robots", `{"name":"x","rate":{"perMinute":1}}`, 400, `unknown field \"perMinute\"`},
		"unknown fault":   {http.MethodPost, "faults", `{"knd":"busy"}`, 400, `unknown field \"knd\"`},
		"two values":      {http.MethodPost, "robots", `{"name":"x"} {}`, 400, "more follows"},
		"bad duration":    {http.MethodPost, "faults", `{"kind":"slow","delay":"soon"}`, 400, `invalid duration`},
		"too large":       {http.MethodPost, "robots", `{"name":"` + strings.Repeat("x", 70<<10) + `"}`, 400, "too large"},
		"unknown path":    {http.MethodGet, "robot", ``, 404, "no such path or method: GET /sandbox/api/robot"},
		"wrong method":    {http.MethodPatch, "robots", ``, 404, "no such path or method: PATCH"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, got := b.Do(t, tt.method, "/sandbox/api/"+tt.path, tt.body)
			assert.Equal(t, tt.status, status)
			assert.Contains(t, got, tt.want)
			assert.Empty(t, b.Robots())
		})
	}
}

func TestAPIRefusesOtherSites(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	boxtest.Fill(t, b)
	for _, req := range [][2]string{
		{http.MethodDelete, "/sandbox/api/messages"},
		{http.MethodPost, "/sandbox/api/faults"},
		{http.MethodPost, "/sandbox/clear"},
	} {
		status, _ := b.Do(t, req[0], req[1], `{"kind":"busy"}`, "Sec-Fetch-Site", "cross-site", "Origin", "https://example.com")
		assert.Equal(t, http.StatusForbidden, status, req)
	}
	assert.Len(t, b.Messages(sandbox.Filter{}), 3)
	assert.Empty(t, b.Faults())
}

func TestEventsTellOfEachChange(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := b.AddRobot(sandbox.DemoRobot("ops"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.URL+"/sandbox/api/events", http.NoBody)
	require.NoError(t, err)
	resp, err := b.Client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	assert.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	lines := bufio.NewScanner(resp.Body)
	next := func() string {
		for lines.Scan() {
			if data, found := strings.CutPrefix(lines.Text(), "data: "); found {
				return data
			}
		}
		return ""
	}

	assert.JSONEq(t, `{"messages":0,"attempts":0}`, next())
	require.Equal(t, boxtest.OK, b.Post(t, robot, "", boxtest.Hello))
	assert.JSONEq(t, `{"messages":1,"attempts":1}`, next())
	b.Clear()
	assert.JSONEq(t, `{"messages":0,"attempts":0}`, next())
}
