package notice_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestNoticeLife(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	id, code := o.Notify(t, `"userid_list":"user001,nobody","dept_id_list":"4,99"`, boxtest.TextNotice("磁盘满"))
	require.Zero(t, code)
	assert.Contains(t, o.AskNotice(t, "getsendresult", "task_id", id), "41052", "it is not done")
	for _, step := range []string{`{"progress_in_percent":0,"status":0}`, `{"progress_in_percent":50,"status":1}`, `{"progress_in_percent":100,"status":2}`} {
		assert.JSONEq(t, `{"errcode":0,"errmsg":"ok","progress":`+step+`}`, o.AskNotice(t, "getsendprogress", "task_id", id))
	}
	require.NoError(t, o.ReadNotice(id, "user003"))
	require.ErrorIs(t, o.ReadNotice(id, "user012"), sandbox.ErrNotFound)
	require.ErrorIs(t, o.ReadNotice(1), sandbox.ErrNotFound)
	assert.JSONEq(t, `{"errcode":0,"errmsg":"ok","send_result":{"invalid_user_id_list":["nobody"],"forbidden_user_id_list":[],"failed_user_id_list":[],
		"read_user_id_list":["user003"],"unread_user_id_list":["user001","user002","user004","user005"],"invalid_dept_id_list":[99],"forbidden_list":[]}}`,
		o.AskNotice(t, "getsendresult", "task_id", id))

	assert.JSONEq(t, `{"errcode":0,"errmsg":"ok"}`, o.AskNotice(t, "recall", "msg_task_id", id))
	n := o.Notices()
	require.Len(t, n, 1)
	assert.True(t, n[0].Recalled)
	assert.Equal(t, "磁盘满", n[0].Content.Text)
	assert.Equal(t, []string{"user001", "user002", "user003", "user004", "user005"}, n[0].Receivers, "each person once")
	assert.JSONEq(t, boxtest.TextNotice("磁盘满"), string(n[0].Message))
}

// Nobody has to ask: time alone delivers a notice.
func TestNoticesAreDoneInTime(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	id, _ := o.Notify(t, `"userid_list":"user001"`, boxtest.TextNotice("x"))
	o.Clock.Advance(3 * time.Second)
	assert.Contains(t, o.AskNotice(t, "getsendprogress", "task_id", id), `"status":2`)
	assert.Equal(t, sandbox.NoticeDone, o.Notices()[0].Status)
}

func TestNoticesExpire(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	id, _ := o.Notify(t, `"userid_list":"user001"`, boxtest.TextNotice("x"))
	o.Clock.Advance(24*time.Hour + time.Second)
	o.Token, _ = o.NewToken(t, o.App)
	for call, want := range map[string]int{"getsendprogress": 40035, "getsendresult": 40035} {
		assert.Equal(t, want, boxtest.Read[boxtest.Reply](t, o.AskNotice(t, call, "task_id", id)).Code, call)
	}
	assert.Equal(t, 400002, boxtest.Read[boxtest.Reply](t, o.AskNotice(t, "recall", "msg_task_id", id)).Code)
	assert.Equal(t, 40035, boxtest.Read[boxtest.Reply](t, o.AskNotice(t, "recall", "task_id", id)).Code, "the field has another name there")
}

func TestNoticesThatNobodyGets(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	forbidden := func(id int64) string {
		t.Helper()
		o.Clock.Advance(3 * time.Second)
		got := o.AskNotice(t, "getsendresult", "task_id", id)
		_, list, _ := strings.Cut(got, `"forbidden_list":`)
		list, _, _ = strings.Cut(list, "]")
		return list + "]"
	}
	first, _ := o.Notify(t, `"userid_list":"user001"`, boxtest.TextNotice("same"))
	assert.Equal(t, `[]`, forbidden(first))
	again, code := o.Notify(t, `"userid_list":"user001,user002"`, boxtest.TextNotice("same"))
	assert.Zero(t, code, "the call succeeds")
	assert.JSONEq(t, `[{"code":"143106","count":1,"userid":"user001"}]`, forbidden(again))
	assert.Equal(t, []string{"user002"}, o.Notices()[1].Receivers)

	o.Clock.Advance(2 * time.Hour) // it is past midnight in UTC and still the same day in China
	o.Token, _ = o.NewToken(t, o.App)
	again, _ = o.Notify(t, `"userid_list":"user001"`, boxtest.TextNotice("same"))
	assert.JSONEq(t, `[{"code":"143106","count":1,"userid":"user001"}]`, forbidden(again))
	o.Clock.Advance(16 * time.Hour)
	o.Token, _ = o.NewToken(t, o.App)
	again, _ = o.Notify(t, `"userid_list":"user001"`, boxtest.TextNotice("same"))
	assert.Equal(t, `[]`, forbidden(again), "another day")

	for i := range 499 {
		o.Notify(t, `"userid_list":"user001"`, boxtest.TextNotice(strconv.Itoa(i)))
	}
	many, _ := o.Notify(t, `"userid_list":"user001"`, boxtest.TextNotice("one more"))
	assert.JSONEq(t, `[{"code":"143105","count":500,"userid":"user001"}]`, forbidden(many))
}

func TestNoticesToAll(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	for i := range 4 {
		_, code := o.Notify(t, `"to_all_user":true`, boxtest.TextNotice(strconv.Itoa(i)))
		assert.Zero(t, code)
	}
	assert.Len(t, o.Notices()[2].Receivers, 12)
	assert.Empty(t, o.Notices()[3].Receivers, "three times a day")
	assert.Len(t, o.Notices()[3].Forbidden, 12)
}

func TestNoticesInAMinute(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	for i := range 5000 / 12 {
		o.Notify(t, `"dept_id_list":"1"`, boxtest.TextNotice(strconv.Itoa(i)))
	}
	o.Notify(t, `"dept_id_list":"1"`, boxtest.TextNotice("last"))
	n := o.Notices()
	got := n[len(n)-1]
	assert.Len(t, got.Receivers, 5000%12)
	assert.Equal(t, sandbox.ForbiddenNotice{UserID: "user009", Code: "143103", Count: 5000}, got.Forbidden[0])
	o.Clock.Advance(time.Minute)
	o.Notify(t, `"dept_id_list":"1"`, boxtest.TextNotice("later"))
	assert.Empty(t, last(o.Notices()).Forbidden)
}

func last[T any](in []T) T { return in[len(in)-1] }

func TestNoticeResultOfTooMany(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	for i := range 100 {
		o.AddUser(sandbox.User{Name: "x", Mobile: "137" + strconv.Itoa(i)})
	}
	id, _ := o.Notify(t, `"to_all_user":true`, boxtest.TextNotice("x"))
	o.Clock.Advance(time.Minute)
	assert.Contains(t, o.AskNotice(t, "getsendprogress", "task_id", id), `"status":2`)
	assert.Equal(t, 41052, boxtest.Read[boxtest.Reply](t, o.AskNotice(t, "getsendresult", "task_id", id)).Code)
}

func TestNoticeMessages(t *testing.T) {
	t.Parallel()
	one := `"userid_list":"user001"`
	tests := map[string]struct {
		msg  string
		code int
	}{
		"image":             {`{"msgtype":"image","image":{"media_id":"@lA"}}`, 0},
		"voice":             {`{"msgtype":"voice","voice":{"media_id":"@lA","duration":"10"}}`, 0},
		"voice too long":    {`{"msgtype":"voice","voice":{"media_id":"@lA","duration":"60"}}`, 40035},
		"voice as number":   {`{"msgtype":"voice","voice":{"media_id":"@lA","duration":10}}`, 40035},
		"file":              {`{"msgtype":"file","file":{"media_id":"@lA"}}`, 0},
		"link":              {`{"msgtype":"link","link":{"messageUrl":"u","picUrl":"@lA","title":"t","text":"x"}}`, 0},
		"link no picture":   {`{"msgtype":"link","link":{"messageUrl":"u","title":"t","text":"x"}}`, 40035},
		"markdown":          {`{"msgtype":"markdown","markdown":{"title":"t","text":"# x"}}`, 0},
		"markdown no title": {`{"msgtype":"markdown","markdown":{"text":"# x"}}`, 40035},
		"long title":        {`{"msgtype":"markdown","markdown":{"title":"` + strings.Repeat("t", 65) + `","text":"# x"}}`, 34016},
		"too large":         {boxtest.TextNotice(strings.Repeat("字", 683)), 34016},
		"large enough":      {boxtest.TextNotice(strings.Repeat("字", 660)), 0},
		"oa":                {`{"msgtype":"oa","oa":{"message_url":"u","head":{"bgcolor":"FFBBBBBB","text":"h"},"status_bar":{"status_value":"s"},"body":{"title":"t","form":[{"key":"k","value":"v"}],"content":"c"}}}`, 0},
		"oa no head":        {`{"msgtype":"oa","oa":{"message_url":"u","body":{"title":"t"}}}`, 40035},
		"oa form":           {`{"msgtype":"oa","oa":{"message_url":"u","head":{"bgcolor":"FFBBBBBB"},"body":{"form":[{"key":"k"}]}}}`, 40035},
		"card":              {`{"msgtype":"action_card","action_card":{"title":"t","markdown":"m","single_title":"s","single_url":"u"}}`, 0},
		"buttons":           {`{"msgtype":"action_card","action_card":{"title":"t","markdown":"m","btn_orientation":"1","btn_json_list":[{"title":"y","action_url":"u"}]}}`, 0},
		"no buttons":        {`{"msgtype":"action_card","action_card":{"title":"t","markdown":"m","btn_json_list":[]}}`, 40035},
		"button":            {`{"msgtype":"action_card","action_card":{"title":"t","markdown":"m","btn_json_list":[{"title":"y","actionURL":"u"}]}}`, 40035},
		"long button":       {`{"msgtype":"action_card","action_card":{"title":"t","markdown":"m","btn_json_list":[{"title":"` + strings.Repeat("y", 21) + `","action_url":"u"}]}}`, 34016},
		"orientation":       {`{"msgtype":"action_card","action_card":{"title":"t","markdown":"m","btn_orientation":"2","single_title":"s","single_url":"u"}}`, 40035},
		"the webhook's":     {`{"msgtype":"actionCard","actionCard":{"title":"t","text":"m","singleTitle":"s","singleURL":"u"}}`, 40035},
		"no object":         {`{"msgtype":"text"}`, 40035},
		"text in JSON text": {`"{\"msgtype\":\"text\",\"text\":{\"content\":\"x\"}}"`, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := boxtest.Open(t)
			_, code := o.Notify(t, one, tt.msg)
			assert.Equal(t, tt.code, code)
			assert.Len(t, o.Notices(), map[bool]int{true: 1}[code == 0])
		})
	}
}

func TestNoticeReceiverRefusals(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	tests := map[string]struct {
		to   string
		code int
	}{
		"nobody":              {`"enable_id_trans":false`, 400002},
		"not everyone":        {`"to_all_user":false`, 400002},
		"too many":            {`"userid_list":"` + strings.Repeat("u,", 100) + `u"`, 400002},
		"too many depts":      {`"dept_id_list":"` + strings.Repeat("1,", 20) + `1"`, 400002},
		"no department":       {`"dept_id_list":"技术部"`, 400002},
		"a list":              {`"userid_list":["user001"]`, 40035},
		"status bar for dept": {`"dept_id_list":"1"`, 400002},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, code := o.Notify(t, tt.to, `{"msgtype":"oa","oa":{"message_url":"u","head":{"bgcolor":"FFBBBBBB"},"status_bar":{"status_value":"s"},"body":{}}}`)
			assert.Equal(t, tt.code, code)
		})
	}
	for _, call := range []string{"asyncsend_v2", "getsendprogress", "getsendresult", "recall"} {
		got := o.Legacy(t, boxtest.NoticePath+call, `{"agent_id":1,"task_id":1,"msg_task_id":1,"userid_list":"user001","msg":`+boxtest.TextNotice("x")+`}`)
		assert.Equal(t, 40056, boxtest.Read[boxtest.Reply](t, got).Code, call)
	}
	other := o.AddApp(sandbox.DemoApp("other"))
	id, _ := o.Notify(t, `"userid_list":"user001"`, boxtest.TextNotice("x"))
	o.App = other
	o.Token, _ = o.NewToken(t, other)
	assert.Equal(t, 40035, boxtest.Read[boxtest.Reply](t, o.AskNotice(t, "getsendprogress", "task_id", id)).Code, "another app's")
}
