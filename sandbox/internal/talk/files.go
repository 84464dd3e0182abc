package talk

import (
	"mime"
	"net/http"
	"path"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// keepFiles is how many files of messages are kept; the oldest go first.
const keepFiles = 100

// file is what came with a message: bots get a code of it, with which they ask for an address.
type file struct {
	code, name string
	app        *core.App
	content    []byte
}

// fileCall answers the call by which a bot gets at a file of a message. Only downloadCode does; pictureDownloadCode,
// which pictures have too, does not.
func (s *Service) fileCall() core.Endpoint {
	return core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/download-the-file-content-of-the-robot-receiving-message
		Name: "bot.message_file", Method: http.MethodPost, Path: "/v1.0/robot/messageFiles/download", Scope: "qyapi_robot_sendmsg",
		Body:    core.Params{core.Need("downloadCode", core.AText), core.Need("robotCode", core.AText)},
		Invalid: core.InvalidBotParam(), Do: s.messageFile,
	}
}

func (s *Service) messageFile(req *core.AppRequest) (any, *core.Refusal) {
	if r := s.core.OwnBot(req); r != nil {
		return nil, r
	}
	f := core.Find(s.files, func(f *file) bool { return f.code == req.Text("downloadCode") && f.app.AppKey == req.App.AppKey })
	if f == nil {
		return nil, core.InvalidBotParam()
	}
	return core.Object{"downloadUrl": core.BaseOf(req.Request.Request) + "/sandbox/files/" + f.code}, nil
}

// download serves a file to whoever has its address.
func (s *Service) download(w http.ResponseWriter, r *http.Request) {
	s.core.Lock()
	f := core.Find(s.files, func(f *file) bool { return f.code == r.PathValue("code") })
	s.core.Unlock()
	if f == nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream") // whatever somebody sent: it is no page of the sandbox
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(f.name)}))
	_, _ = w.Write(f.content) // the client has gone
}

// fileOf keeps a file of a message for its bot, and returns its code. The caller holds the lock.
func (m *message) fileOf(c *core.Core, name string, content []byte) (code string) {
	code = c.Code(32)
	m.service.files = core.Last(append(m.service.files, &file{code, name, m.app, content}), keepFiles)
	return code
}
