package talk

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// overQuota is the code of a message that the organisation has no quota for.
const overQuota = "20001"

// once opens the reply address at the first frame; repeated frames have the same one.
func (m *message) once(c *core.Core) func(base string) []byte {
	fields, _ := m.fields(c)
	path := fields["sessionWebhook"].(string)
	return func(base string) []byte {
		fields["sessionWebhook"] = base + path
		return core.Encode(fields)
	}
}

// payload writes the body for an address.
func (m *message) payload(c *core.Core, base string) (core.Reply, []byte) {
	fields, to := m.fields(c)
	fields["sessionWebhook"] = base + fields["sessionWebhook"].(string)
	return to, core.Encode(fields)
}

// fields are those of the message, with the path of the reply address alone.
func (m *message) fields(c *core.Core) (core.Object, core.Reply) {
	to := core.Reply{App: m.app, Chat: m.chat, Conversation: m.conversation, Message: m.said.ID}
	if m.user != nil {
		to.UserID = m.user.UserID
	}
	path, expires := c.Replies.Open(to)
	f := core.Object{
		"conversationId": m.conversation, "conversationType": "1", "msgId": m.said.ID, "msgtype": m.Type,
		"senderId": encrypted(c, m.From+"\x00"+m.Outsider), "senderNick": m.nick, "senderPlatform": "Mac", "isAdmin": false,
		"chatbotCorpId": c.CorpID, "chatbotUserId": encrypted(c, m.app.AppKey), "robotCode": m.app.AppKey,
		"createAt": m.said.Time.UnixMilli(), "sessionWebhook": path, "sessionWebhookExpiredTime": expires.UnixMilli(),
	}
	if m.user != nil {
		f["senderCorpId"], f["isAdmin"] = c.CorpID, m.user.Admin
		if !m.app.Unpublished {
			f["senderStaffId"] = m.user.UserID
		}
	}
	if m.chat != nil {
		f["conversationType"], f["conversationTitle"] = "2", m.chat.Name
		f["isInAtList"] = true
		at := make([]core.Object, len(m.bots))
		for i, b := range m.bots {
			at[i] = core.Object{"dingtalkId": encrypted(c, b.AppKey)}
		}
		f["atUsers"] = at
	}
	if m.OverQuota {
		f["errorCode"] = overQuota
		return f, to
	}
	if m.Type == TypeText {
		f["text"] = core.Object{"content": m.unmention(m.Text)}
	} else {
		f["content"] = m.content(c)
	}
	return f, to
}

// unmention takes the mentions of bots out, which leaves the space behind them.
func (m *message) unmention(text string) string {
	for _, at := range m.mentioned {
		text = strings.ReplaceAll(text, at, "")
	}
	return text
}

// content is what types other than text say.
func (m *message) content(c *core.Core) core.Object {
	switch m.Type {
	case TypeRichText:
		parts := []core.Object{}
		for _, p := range m.Parts {
			if p.Picture {
				parts = append(parts, core.Object{"type": "picture", "downloadCode": m.fileOf(c, "picture.png", p.Content), "pictureDownloadCode": c.Code(32)})
			}
			if p.Text != "" {
				parts = append(parts, core.Object{"text": m.unmention(p.Text)})
			}
		}
		return core.Object{"richText": parts}
	case TypePicture:
		return core.Object{"downloadCode": m.fileOf(c, "picture.png", m.Content), "pictureDownloadCode": c.Code(32)}
	case TypeFile:
		return core.Object{"downloadCode": m.fileOf(c, m.FileName, m.Content), "fileName": m.FileName}
	case TypeAudio:
		return core.Object{"downloadCode": m.fileOf(c, "audio.amr", m.Content), "recognition": m.Text, "duration": m.Duration}
	default:
		return core.Object{"downloadCode": m.fileOf(c, "video.mp4", m.Content), "videoType": "mp4", "duration": m.Duration}
	}
}

// encrypted is an id as bots see those of people and of themselves.
func encrypted(c *core.Core, id string) string {
	mac := hmac.New(sha256.New, []byte(c.CorpID))
	mac.Write([]byte(id))
	return "$:LWCP_v1:$" + base64.StdEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// post sends a message to the app's address and shows what it answers.
func (s *Service) post(ctx context.Context, out *posted) {
	timestamp := strconv.FormatInt(out.at.UnixMilli(), 10)
	status, answer, err := s.core.Post(ctx, out.app.MessageURL, http.Header{
		"timestamp": {timestamp}, "sign": {Sign(out.app.AppSecret, timestamp)},
	}, out.body)
	s.core.Lock()
	defer s.core.Unlock()
	reply, note := 0, ""
	switch {
	case err != nil:
		note = err.Error()
	case status != http.StatusOK:
		note = "the app answered status " + strconv.Itoa(status)
	default:
		if reply, err = s.core.Replies.Take(out.to, answer, s.core.Now()); err != nil {
			note = err.Error()
		}
	}
	out.settle(status, reply, note)
	s.core.Touch()
}

// Sign is base64(HMAC-SHA256(key = secret, data = timestamp + "\n" + secret)), as the header has it.
func Sign(secret, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "\n" + secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
