import { adopt } from './adopt.ts';
import { auditCommand } from './audit.ts';
import { channelList } from './channel.ts';
import type { Command } from './command.ts';
import { convert } from './convert.ts';
import { customerAnonymize, customerExport, customerList, customerMerge, customerShow } from './customer.ts';
import { demo } from './demo.ts';
import { doctor } from './doctor.ts';
import { exportCommand } from './export.ts';
import { forgeAdd, forgeList } from './forge.ts';
import { forgeCheck } from './forge-check.ts';
import { forgeLogin } from './forge-login.ts';
import { forgeSecretRotate, forgeTokenSet } from './forge-secret.ts';
import { importCommand } from './import.ts';
import { importReleases } from './import-releases.ts';
import { keyResume, keyRevoke, keyShow, keySuspend } from './key.ts';
import { keyBatch } from './key-batch.ts';
import { keyCreate } from './key-create.ts';
import { keyList } from './key-list.ts';
import { keyReplace } from './key-replace.ts';
import { keyTest } from './key-test.ts';
import { licenseList, licenseShow } from './license.ts';
import { licenseCommands } from './license-changes.ts';
import { loginLink } from './login-link.ts';
import { mailTest } from './mail.ts';
import { migrateCommand } from './migrate.ts';
import { bridgeRemove, bridgeSet, productMoving, routes } from './moving.ts';
import { openapi } from './openapi.ts';
import { organizationSet, organizationShow } from './organization.ts';
import { organizationOwner } from './organization-owner.ts';
import { packageChange, packageCreate, packageDelete, packageList, packageVersionsCommand } from './package.ts';
import { paymentsCheck, paymentsConnect, paymentsHook } from './payments.ts';
import { paymentsAdopt } from './payments-adopt.ts';
import { paymentsDismiss, paymentsEvents, paymentsReconcile, paymentsRetry } from './payments-events.ts';
import { productAdd } from './product-add.ts';
import { productAliasAdd, productAliasList, productAliasRemove } from './product-alias.ts';
import { lint, productLint } from './product-lint.ts';
import { productList } from './product-list.ts';
import { productPreview } from './product-preview.ts';
import { productRetire, productSet } from './product-set.ts';
import { productSync } from './product-sync.ts';
import { releaseList, releaseUnyank, releaseYank } from './release.ts';
import { rulesSet, rulesShow } from './rules.ts';
import { serveCommand } from './serve.ts';
import { siteAdd, siteList, siteRelease, siteRemove } from './site.ts';
import { tokenCreate, tokenList, tokenRevoke, tokenRotate } from './token.ts';
import { installationsCommand, usageCommand } from './usage.ts';
import { webhookAdd, webhookList, webhookRemove, webhookRotate, webhookSet } from './webhook.ts';
import { webhookDeliveries, webhookResend, webhookTest } from './webhook-deliveries.ts';

/** One line a command group. */
export const commands: readonly Command[] = [
  ...[serveCommand, migrateCommand, demo, doctor, loginLink, mailTest],
  ...[forgeAdd, forgeList, forgeCheck, forgeTokenSet, forgeSecretRotate, forgeLogin],
  ...[productAdd, productList, productSet, productSync, productLint, productPreview, productRetire],
  ...[productAliasAdd, productAliasList, productAliasRemove],
  ...[releaseList, releaseYank, releaseUnyank],
  ...[channelList, rulesShow, rulesSet],
  ...[packageList, packageCreate, packageChange, packageVersionsCommand, packageDelete],
  ...[customerList, customerShow, customerMerge, customerExport, customerAnonymize],
  ...[licenseList, licenseShow],
  ...licenseCommands,
  ...[keyCreate, keyTest, keyBatch, keyList, keyShow, keyReplace, keyRevoke, keySuspend, keyResume],
  ...[siteList, siteAdd, siteRelease, siteRemove],
  ...[organizationShow, organizationSet, organizationOwner],
  ...[tokenCreate, tokenList, tokenRotate, tokenRevoke],
  ...[webhookList, webhookAdd, webhookSet, webhookRotate, webhookRemove],
  ...[webhookDeliveries, webhookTest, webhookResend],
  ...[paymentsConnect, paymentsCheck, paymentsHook, paymentsAdopt],
  ...[paymentsEvents, paymentsRetry, paymentsDismiss, paymentsReconcile],
  ...[auditCommand],
  ...[usageCommand, installationsCommand],
  ...[convert, adopt, productMoving, routes, bridgeSet, bridgeRemove],
  ...[importCommand, importReleases, exportCommand],
  ...[lint, openapi],
];
