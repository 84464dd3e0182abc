package robot

import "github.com/dingdag/dingdag/sandbox/internal/core"

// readContent reads the msgtype and its object. The content holds what could be
// read even when something is missing, so that a keyword can be looked for in it.
//
// Codes are 400N0x, N being the type and x the field, from 1 for the object itself.
// 400201, 400401, 400402 and 400602 are observed, the others follow from the order
// of the fields.
func readContent(body map[string]any) (msgtype string, c core.Content, r *core.Refusal) {
	msgtype, _ = body["msgtype"].(string)
	f := fields{path: msgtype}
	switch msgtype {
	case core.TypeText:
		f.open(body, 400201)
		c.Text = f.need("content", 400202)
	case core.TypeLink:
		f.open(body, 400301)
		c.Title = f.need("title", 400302)
		c.Text = f.need("text", 400303)
		c.URL = f.need("messageUrl", 400304)
		c.PictureURL = f.may("picUrl")
	case core.TypeMarkdown:
		f.open(body, 400401)
		c.Title = f.need("title", 400402)
		c.Text = f.need("text", 400403)
	case core.TypeActionCard:
		f.open(body, 400501)
		c.Title = f.need("title", 400502)
		c.Text = f.need("text", 400503)
		c.Buttons = readButtons(&f)
		c.SideBySide = f.may("btnOrientation") == "1" || f.object["btnOrientation"] == 1.0
	case core.TypeFeedCard:
		f.open(body, 400601)
		c.Links = readFeedLinks(&f)
	default:
		return msgtype, c, core.Refuse(400105)
	}
	return msgtype, c, f.missing
}

// readButtons reads the form with a single button, or else the list of buttons:
// with the single fields set, the list has no effect.
func readButtons(f *fields) []core.Button {
	if f.may("singleTitle") != "" || f.may("singleURL") != "" || f.object["btns"] == nil {
		return []core.Button{{Title: f.need("singleTitle", 400504), URL: f.need("singleURL", 400505)}}
	}
	var out []core.Button
	for _, btn := range f.list("btns", 400506) {
		out = append(out, core.Button{Title: btn.need("title", 400507), URL: btn.need("actionURL", 400508)})
		f.adopt(btn)
	}
	return out
}

func readFeedLinks(f *fields) []core.FeedLink {
	var out []core.FeedLink
	for _, link := range f.list("links", 400602) {
		out = append(out, core.FeedLink{
			Title:      link.need("title", 400603),
			URL:        link.need("messageURL", 400604),
			PictureURL: link.need("picURL", 400605),
		})
		f.adopt(link)
	}
	return out
}

// fields reads the fields of a JSON object and keeps the first thing that is missing.
type fields struct {
	path    string
	object  map[string]any
	missing *core.Refusal
}

// open reads the object that has the path's name in the body.
func (f *fields) open(body map[string]any, code int) {
	object, ok := body[f.path].(map[string]any)
	if !ok {
		f.miss(code, f.path)
	}
	f.object = object
}

// need reads a text that must be there and not be empty.
func (f *fields) need(name string, code int) string {
	text := f.may(name)
	if text == "" {
		f.miss(code, f.path+" --》 "+name)
	}
	return text
}

func (f *fields) may(name string) string {
	text, _ := f.object[name].(string)
	return text
}

// list reads objects, of which there must be at least one. Something else in the
// list reads as an empty object, whose fields are then missing.
func (f *fields) list(name string, code int) []*fields {
	path := f.path + " --》 " + name
	items, _ := f.object[name].([]any)
	if len(items) == 0 {
		f.miss(code, path)
	}
	out := make([]*fields, len(items))
	for i, item := range items {
		object, _ := item.(map[string]any)
		out[i] = &fields{path: path, object: object}
	}
	return out
}

// adopt takes over what is missing in an entry of a list.
func (f *fields) adopt(item *fields) {
	if f.missing == nil {
		f.missing = item.missing
	}
}

func (f *fields) miss(code int, path string) {
	if f.missing == nil {
		f.missing = missing(code, path)
	}
}

// missing refuses a field that is absent, empty or of the wrong JSON type. The
// path is written as DingTalk writes it: "markdown --》 title".
func missing(code int, path string) *core.Refusal {
	return &core.Refusal{Code: code, Text: "错误描述:参数 " + path + " 缺失，或者参数格式不正确; 解决方案:请填充上对应参数;" +
		"参考链接:请参考本接口对应文档查看参数获取方式，或者在https://open.dingtalk.com/document/  搜索对应文档;"}
}
