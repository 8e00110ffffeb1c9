package bootstrap

import (
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"github.com/signalbox-hq/signalbox/bootstrap/settings"
)

// newLogger logs to w: readable lines to a terminal, JSON otherwise.
func newLogger(s settings.Settings, w io.Writer) *zap.Logger {
	level, err := zapcore.ParseLevel(string(s.LogLevel))
	if err != nil {
		panic("bootstrap: unknown log level: " + string(s.LogLevel))
	}
	config := zap.NewProductionEncoderConfig()
	config.TimeKey, config.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	encoder := zapcore.NewJSONEncoder(config)
	if isTerminal(w) {
		config.EncodeLevel = zapcore.CapitalColorLevelEncoder
		config.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		encoder = zapcore.NewConsoleEncoder(config)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level)
	return zap.New(core).With(zap.String("service", string(s.ServiceName)))
}

// isTerminal reports whether a person reads what is written.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
