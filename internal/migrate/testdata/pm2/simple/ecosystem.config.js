module.exports = {
  apps: [
    {
      name: "shop",
      script: "./server.js",
      instances: 2,
      env: {
        NODE_ENV: "production",
        PORT: 3000,
      },
    },
  ],
};
