package notice

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// maxNoticeBytes is the limit of msg in bytes.
const maxNoticeBytes = 2048

// readNotice reads the message of a work notice. Its keys differ from those of the
// webhook. What is missing or wrong is refused with 40035, what is too long with 34016.
func readNotice(msg core.Object) (string, core.Content, *core.Refusal) {
	if len(core.Encode(msg)) > maxNoticeBytes {
		return "", core.Content{}, core.Refuse(34016)
	}
	msgtype, _ := msg["msgtype"].(string)
	read := map[string]func(*noticeFields) core.Content{
		"text":  func(f *noticeFields) core.Content { return core.Content{Text: f.need("content", 5000)} },
		"image": func(f *noticeFields) core.Content { return core.Content{PictureURL: f.need("media_id", 0)} },
		"voice": readVoice,
		"file":  func(f *noticeFields) core.Content { return core.Content{Text: f.need("media_id", 0)} },
		"link":  readNoticeLink,
		"oa":    readOA,
		"markdown": func(f *noticeFields) core.Content {
			return core.Content{Title: f.need("title", 64), Text: f.need("text", 5000)}
		},
		"action_card": readNoticeCard,
	}[msgtype]
	if read == nil {
		return "", core.Content{}, core.InvalidFor(core.Topapi, "msgtype", nil)
	}
	f := &noticeFields{path: "msg." + msgtype}
	f.object, _ = msg[msgtype].(core.Object)
	c := read(f)
	return msgtype, c, f.wrong
}

func readVoice(f *noticeFields) core.Content {
	c := core.Content{Text: f.need("media_id", 0)}
	if seconds, err := strconv.Atoi(f.need("duration", 0)); err != nil || seconds < 1 || seconds >= 60 {
		f.refuse(core.InvalidFor(core.Topapi, f.path+".duration", nil))
	}
	return c
}

func readNoticeLink(f *noticeFields) core.Content {
	return core.Content{
		URL: f.need("messageUrl", 0), PictureURL: f.need("picUrl", 0), Title: f.need("title", 0), Text: f.need("text", 0),
	}
}

func readOA(f *noticeFields) core.Content {
	c := core.Content{URL: f.need("message_url", 0)}
	f.in("head").need("bgcolor", 8)
	body := f.in("body")
	c.Title, c.Text, c.PictureURL = body.may("title"), body.may("content"), body.may("image")
	forms, _ := body.object["form"].([]any)
	for _, form := range forms {
		row, _ := form.(core.Object)
		line := noticeFields{path: f.path + ".body.form", object: row, parent: f}
		c.Text += "\n" + line.need("key", 0) + " " + line.need("value", 0)
	}
	if f.object["status_bar"] != nil {
		f.in("status_bar").need("status_value", 0)
	}
	return c
}

func readNoticeCard(f *noticeFields) core.Content {
	c := core.Content{Title: f.need("title", 0), Text: f.need("markdown", 0)}
	orientation := f.may("btn_orientation")
	c.SideBySide = orientation == "1"
	if !slices.Contains([]string{"", "0", "1"}, orientation) {
		f.refuse(core.InvalidFor(core.Topapi, f.path+".btn_orientation", nil))
	}
	list, many := f.object["btn_json_list"].([]any)
	if !many {
		c.Buttons = []core.Button{{Title: f.need("single_title", 20), URL: f.need("single_url", 500)}}
		return c
	}
	if len(list) == 0 {
		f.refuse(core.MissingFor(core.Topapi, f.path+".btn_json_list"))
	}
	for _, item := range list {
		row, _ := item.(core.Object)
		button := noticeFields{path: f.path + ".btn_json_list", object: row, parent: f}
		c.Buttons = append(c.Buttons, core.Button{Title: button.need("title", 20), URL: button.need("action_url", 700)})
	}
	return c
}

// noticeFields reads the fields of an object and keeps the first thing that is wrong.
type noticeFields struct {
	path   string
	object core.Object
	parent *noticeFields
	wrong  *core.Refusal
}

// in reads an object inside, which may be absent until a field of it is needed.
func (f *noticeFields) in(name string) *noticeFields {
	inner, _ := f.object[name].(core.Object)
	return &noticeFields{path: f.path + "." + name, object: inner, parent: f}
}

func (f *noticeFields) may(name string) string {
	text, _ := f.object[name].(string)
	return text
}

// need reads a text that must be there and have at most so many characters; zero means any number.
func (f *noticeFields) need(name string, most int) string {
	text := f.may(name)
	if text == "" {
		f.refuse(core.MissingFor(core.Topapi, f.path+"."+name))
	}
	if most > 0 && utf8.RuneCountInString(text) > most {
		f.refuse(core.Refuse(34016))
	}
	return text
}

func (f *noticeFields) refuse(r *core.Refusal) {
	if f.parent != nil {
		f.parent.refuse(r)
		return
	}
	if f.wrong == nil {
		f.wrong = r
	}
}
