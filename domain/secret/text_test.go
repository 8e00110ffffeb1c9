package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/signalbox-hq/signalbox/domain/secret"
)

const canary = "canary-0451"

func TestPrinting(t *testing.T) {
	t.Parallel()
	text := secret.New(canary)
	inside := struct {
		Public  string
		Text    secret.Text
		Pointer *secret.Text
	}{"public", text, &text}
	hidden := struct{ held struct{ text secret.Text } }{struct{ text secret.Text }{text}}

	t.Run("no verb shows the text, also within other values", func(t *testing.T) {
		t.Parallel()
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10s", "%-3v", "%08.3f", "%t", "%T %v"} {
			for _, v := range []any{
				text, &text, inside, &inside, hidden, &hidden, []secret.Text{text}, map[string]secret.Text{"k": text},
			} {
				assert.NotContains(t, fmt.Sprintf(verb, v), canary, verb)
			}
		}
		assert.Equal(t, secret.Redacted, fmt.Sprintf("%v", text))
		assert.Equal(t, secret.Redacted, fmt.Sprint(text))
		assert.Equal(t, secret.Redacted, text.String())
		assert.Equal(t, secret.Redacted, text.GoString())
		assert.NotContains(t, fmt.Errorf("wrapped: %v", text).Error(), canary)
	})

	t.Run("no encoder shows the text", func(t *testing.T) {
		t.Parallel()
		encoded, err := json.Marshal(inside)
		require.NoError(t, err)
		assert.JSONEq(t, `{"Public":"public","Text":"[REDACTED]","Pointer":"[REDACTED]"}`, string(encoded))
		keyed, err := json.Marshal(map[secret.Text]int{text: 1})
		require.NoError(t, err)
		assert.NotContains(t, string(keyed), canary)
		marked, err := xml.Marshal(text)
		require.NoError(t, err)
		assert.NotContains(t, string(marked), canary)
		plain, err := text.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, secret.Redacted, string(plain))
	})

	t.Run("no logger shows the text", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "text", text, "inside", inside, "hidden", hidden, "pointer", &text)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "text", text, "inside", inside, "hidden", hidden, "pointer", &text)
		for _, encoder := range []zapcore.Encoder{
			zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()),
		} {
			log := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&out), zapcore.DebugLevel))
			log.Info("m", zap.Any("a", text), zap.Any("b", &text), zap.Any("c", inside), zap.Reflect("d", text),
				zap.Reflect("e", inside), zap.Stringer("f", text), zap.Any("g", []secret.Text{text}), zap.Any("h", hidden))
			log.Sugar().Infow("m", "text", text, "inside", inside)
			log.Sugar().Infof("%v %+v %#v %+v", text, inside, &text, hidden)
		}
		assert.NotContains(t, out.String(), canary)
		assert.Contains(t, out.String(), secret.Redacted)
	})
}

func TestText(t *testing.T) {
	t.Parallel()
	assert.Equal(t, canary, secret.New(canary).Reveal())
	assert.Equal(t, secret.New("a"), secret.New(strings.Clone("a")))
	assert.NotEqual(t, secret.New("a"), secret.New("b"))
	assert.True(t, secret.Text{}.IsZero())
	assert.True(t, secret.New("").IsZero())
	assert.False(t, secret.New("a").IsZero())
}
