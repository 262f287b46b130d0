// What does KrakenD cost? Its engine (Lura) and the router it uses (gin), with the settings file that
// KrakenD reads, and without the telemetry, plugins and security around them: the least of it.
//
//	GOMAXPROCS=1 krakend krakend.json
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/gin-gonic/gin"
	"github.com/luraproject/lura/v2/config"
	"github.com/luraproject/lura/v2/logging"
	"github.com/luraproject/lura/v2/proxy"
	lura "github.com/luraproject/lura/v2/router/gin"
	"github.com/luraproject/lura/v2/transport/http/server"
)

func main() {
	if len(os.Args) != 2 {
		fail("say which file: krakend krakend.json")
	}
	if os.Args[1] == "--version" {
		fmt.Println("KrakenD's Lura", version())
		return
	}
	settings, err := config.NewParser().Parse(os.Args[1])
	if err != nil {
		fail(err)
	}
	logger, err := logging.NewLogger("ERROR", os.Stderr, "")
	if err != nil {
		fail(err)
	}
	gin.SetMode(gin.ReleaseMode)
	lura.NewFactory(lura.Config{
		Engine:         gin.New(),
		HandlerFactory: lura.EndpointHandler,
		ProxyFactory:   proxy.DefaultFactory(logger),
		Logger:         logger,
		RunServer:      server.RunServer,
	}).New().Run(settings)
}

// The version of Lura that this was built with.
func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/luraproject/lura/v2" {
			return module.Version
		}
	}
	return "of an unknown version"
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, "krakend:", why)
	os.Exit(1)
}
