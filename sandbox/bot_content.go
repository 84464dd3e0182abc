package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxMsgParam is the limit of msgParam in bytes.
const maxMsgParam = 15000

// The types that messages of bots have besides those of custom robots.
const (
	TypeImage = "image"
	TypeFile  = "file"
	TypeAudio = "audio"
	TypeVideo = "video"
	TypeCard  = "card"
)

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
		"sampleText":       {msgtype: TypeText, fields: []string{"content"}},
		"sampleMarkdown":   {msgtype: TypeMarkdown, fields: []string{"title", "text"}},
		"sampleImageMsg":   {msgtype: TypeImage, fields: []string{"photoURL"}},
		"sampleLink":       {msgtype: TypeLink, fields: []string{"title", "text", "picUrl", "messageUrl"}},
		"sampleActionCard": {msgtype: TypeActionCard, fields: []string{"title", "text", "singleTitle", "singleURL"}},
		"sampleActionCard6": {
			msgtype: TypeActionCard, side: true, buttons: 2,
			fields: []string{"title", "text", "buttonTitle1", "buttonUrl1", "buttonTitle2", "buttonUrl2"},
		},
		"sampleAudio": {msgtype: TypeAudio, fields: []string{"mediaId", "duration"}},
		"sampleFile":  {msgtype: TypeFile, fields: []string{"mediaId", "fileName", "fileType"}},
		"sampleVideo": {msgtype: TypeVideo, fields: []string{"duration", "videoMediaId", "videoType", "picMediaId"}},
	}
	for n := 2; n <= 5; n++ {
		t := botTemplate{msgtype: TypeActionCard, fields: []string{"title", "text"}, buttons: n}
		for i := range n {
			t.fields = append(t.fields, "actionTitle"+strconv.Itoa(i+1), "actionURL"+strconv.Itoa(i+1))
		}
		out["sampleActionCard"+strconv.Itoa(n)] = t
	}
	return out
}

// readBotContent reads msgKey and msgParam, which is a JSON object as text with texts in it.
func readBotContent(key, param string) (string, Content, *refusal) {
	bad := func(code, text string) (string, Content, *refusal) {
		return "", Content{}, fail(http.StatusBadRequest, code, text)
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

func (t botTemplate) content(v map[string]string) Content {
	c := Content{Title: v["title"], Text: v["text"], SideBySide: t.side}
	switch t.msgtype {
	case TypeText:
		c.Text = v["content"]
	case TypeImage:
		c.PictureURL = v["photoURL"]
	case TypeLink:
		c.URL, c.PictureURL = v["messageUrl"], v["picUrl"]
	case TypeActionCard:
		c.Buttons = t.readButtons(v)
	case TypeFile:
		c.Title, c.Text = v["fileName"], v["mediaId"]
	case TypeAudio:
		c.Text = v["mediaId"]
	case TypeVideo:
		c.Text = v["videoMediaId"]
	}
	return c
}

func (t botTemplate) readButtons(v map[string]string) []Button {
	if t.buttons == 0 {
		return []Button{{Title: v["singleTitle"], URL: v["singleURL"]}}
	}
	var out []Button
	for _, field := range t.fields {
		prefix, n, isTitle := strings.Cut(field, "Title")
		if isTitle {
			out = append(out, Button{Title: v[field], URL: v[map[string]string{"action": "actionURL", "button": "buttonUrl"}[prefix]+n]})
		}
	}
	return out
}
