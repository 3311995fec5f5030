FROM node:22-slim AS modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Scripts stay off but for the one native module, so that nothing else runs at install.
RUN npm ci --omit=dev --ignore-scripts && npm rebuild better-sqlite3

FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json plugin-manifest.json ./
COPY src src
COPY feeds feeds
COPY migrations migrations
RUN npm run build

FROM node:22-slim
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates git \
  && rm -rf /var/lib/apt/lists/* \
  && install --directory --owner=node --mode=0700 /data
WORKDIR /app
COPY package.json plugin-manifest.json LICENSE THIRD-PARTY-NOTICES ./
COPY --from=modules /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY feeds feeds
ENV NODE_ENV=production DATA_DIR=/data PORT=8080
USER node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --start-period=20s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["serve"]
