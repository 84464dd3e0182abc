package bot

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// maxMsgParam is the limit of msgParam in bytes.
const maxMsgParam = 15000

// botTemplate is one of the templates that bots write with.
type botTemplate struct {
	msgtype string
	fields  []string
	buttons int
	// side says that the buttons stand side by side; they have other names then.
	side bool
}

func botTemplates() map[string]botTemplate {
	out := map[string]botTemplate{
		"sampleText":       {msgtype: core.TypeText, fields: []string{"content"}},
		"sampleMarkdown":   {msgtype: core.TypeMarkdown, fields: []string{"title", "text"}},
		"sampleImageMsg":   {msgtype: core.TypeImage, fields: []string{"photoURL"}},
		"sampleLink":       {msgtype: core.TypeLink, fields: []string{"title", "text", "picUrl", "messageUrl"}},
		"sampleActionCard": {msgtype: core.TypeActionCard, fields: []string{"title", "text", "singleTitle", "singleURL"}},
		"sampleActionCard6": {
			msgtype: core.TypeActionCard, side: true, buttons: 2,
			fields: []string{"title", "text", "buttonTitle1", "buttonUrl1", "buttonTitle2", "buttonUrl2"},
		},
		"sampleAudio": {msgtype: core.TypeAudio, fields: []string{"mediaId", "duration"}},
		"sampleFile":  {msgtype: core.TypeFile, fields: []string{"mediaId", "fileName", "fileType"}},
		"sampleVideo": {msgtype: core.TypeVideo, fields: []string{"duration", "videoMediaId", "videoType", "picMediaId"}},
	}
	for n := 2; n <= 5; n++ {
		t := botTemplate{msgtype: core.TypeActionCard, fields: []string{"title", "text"}, buttons: n}
		for i := range n {
			t.fields = append(t.fields, "actionTitle"+strconv.Itoa(i+1), "actionURL"+strconv.Itoa(i+1))
		}
		out["sampleActionCard"+strconv.Itoa(n)] = t
	}
	return out
}

// readBotContent reads msgKey and msgParam, which is a JSON object as text with texts in it.
func readBotContent(key, param string) (string, core.Content, *core.Refusal) {
	bad := func(code, text string) (string, core.Content, *core.Refusal) {
		return "", core.Content{}, core.Fail(http.StatusBadRequest, code, text)
	}
	t, ok := botTemplates()[key]
	if key == "" {
		return bad("invalidParameter.msgKey.empty", "msgKey不能为空")
	}
	if !ok {
		return bad("invalidParameter.msgKey.invalid", "msgKey不合法")
	}
	if len(param) > maxMsgParam {
		return bad("invalidParameter.msgParam.tooLong", "消息内容过长")
	}
	var values map[string]string
	if err := json.Unmarshal([]byte(param), &values); err != nil || values == nil {
		return bad("invalidParameter.msgParam.invalid", "msgParam不是合法的JSON")
	}
	i := slices.IndexFunc(t.fields, func(name string) bool { return values[name] == "" })
	if i >= 0 {
		code := map[string]string{"sampleText.content": "contentOfText", "sampleMarkdown.title": "markdownTotitle"}[key+"."+t.fields[i]]
		if code == "" {
			code = t.fields[i]
		}
		return bad("miss.param."+code, "缺少参数 "+t.fields[i])
	}
	return t.msgtype, t.content(values), nil
}

func (t botTemplate) content(v map[string]string) core.Content {
	c := core.Content{Title: v["title"], Text: v["text"], SideBySide: t.side}
	switch t.msgtype {
	case core.TypeText:
		c.Text = v["content"]
	case core.TypeImage:
		c.PictureURL = v["photoURL"]
	case core.TypeLink:
		c.URL, c.PictureURL = v["messageUrl"], v["picUrl"]
	case core.TypeActionCard:
		c.Buttons = t.readButtons(v)
	case core.TypeFile:
		c.Title, c.Text = v["fileName"], v["mediaId"]
	case core.TypeAudio:
		c.Text = v["mediaId"]
	case core.TypeVideo:
		c.Text = v["videoMediaId"]
	}
	return c
}

func (t botTemplate) readButtons(v map[string]string) []core.Button {
	if t.buttons == 0 {
		return []core.Button{{Title: v["singleTitle"], URL: v["singleURL"]}}
	}
	var out []core.Button
	for _, field := range t.fields {
		prefix, n, isTitle := strings.Cut(field, "Title")
		if isTitle {
			out = append(out, core.Button{Title: v[field], URL: v[map[string]string{"action": "actionURL", "button": "buttonUrl"}[prefix]+n]})
		}
	}
	return out
}
