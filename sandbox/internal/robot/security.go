package robot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// codeSecurity is the code of every refusal by a robot's security settings; only
// the text tells them apart.
const codeSecurity = 310000

// signLife is how far the timestamp of a signed request may be off.
const signLife = time.Hour

// checkSender checks the settings that concern who sends: addresses and signature.
func checkSender(r *robotState, req *core.Request) *core.Refusal {
	allowed := func(p netip.Prefix) bool { return p.Contains(req.IP) }
	if len(r.ips) > 0 && !slices.ContainsFunc(r.ips, allowed) {
		return &core.Refusal{Code: codeSecurity, Text: "ip " + req.IP.String() + " not in whitelist"}
	}
	if r.Secret != "" {
		return checkSign(r.Secret, req.URL.Query(), req.At)
	}
	return nil
}

// checkSign wants both parameters, a timestamp in milliseconds that is less than an
// hour off, and the signature, percent-encoded exactly once.
func checkSign(secret string, query url.Values, now time.Time) *core.Refusal {
	timestamp, sign := query.Get("timestamp"), query.Get("sign")
	if timestamp == "" || sign == "" {
		return refuseSign()
	}
	millis, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || time.UnixMilli(millis).Sub(now).Abs() > signLife {
		return &core.Refusal{Code: codeSecurity, Text: "invalid timestamp"}
	}
	if !hmac.Equal([]byte(sign), []byte(signature(secret, timestamp))) {
		return refuseSign()
	}
	return nil
}

// signature is base64(HMAC-SHA256(key = secret, data = timestamp + "\n" + secret)).
func signature(secret, timestamp string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + "\n" + secret))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func refuseSign() *core.Refusal {
	return &core.Refusal{Code: codeSecurity, Text: "description:机器人发送签名不匹配;" +
		"solution:请确认签名和生成签名的时间戳必须都放在调用的网址中，请确认机器人的密钥加密和填写正确;" +
		"link:请参考本接口对应文档获得具体要求，或者在https://open.dingtalk.com/document/  搜索相关文档;"}
}

func refuseKeyword() *core.Refusal {
	return &core.Refusal{Code: codeSecurity, Text: "错误描述:关键词不匹配;" +
		"解决方案:请联系群管理员查看此机器人的关键词，并在发送的信息中包含此关键词;"}
}

// hasKeyword looks for one of the keywords. Without keywords every text will do.
func hasKeyword(keywords []string, text string) bool {
	return len(keywords) == 0 || slices.ContainsFunc(keywords, func(word string) bool {
		return strings.Contains(text, word)
	})
}
