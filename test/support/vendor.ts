import { SYSTEM_ACTOR } from '../../src/accounts/actor.ts';
import { addForge, ensureOrganization, ensureRepository, findRemote } from '../../src/forge/connect.ts';
import type { ForgeKind } from '../../src/forge/forge.ts';
import { giteaFamily } from '../../src/forge/gitea/driver.ts';
import { RECONCILE } from '../../src/forge/hooks.ts';
import {
  type ForgeRecord,
  findRepository,
  type OrganizationRecord,
  type RepositoryRecord,
} from '../../src/forge/store.ts';
import { type DeliveryRecord, deliveriesOf } from '../../src/forge/store-deliveries.ts';
import type { Job } from '../../src/jobs/store.ts';
import type { By } from '../../src/licensing/keys.ts';
import type { Product } from '../../src/releases/product.ts';
import { addProduct, changeProduct, type NewProduct } from '../../src/releases/products.ts';
import { findProduct } from '../../src/releases/store-products.ts';
import {
  type ArtifactRecord,
  artifactsOfProduct,
  type ProblemRecord,
  problemsOfProduct,
  type ReleaseRecord,
  releasesOfProduct,
} from '../../src/releases/store-releases.ts';
import { openTestCore, type TestCore, type TestCoreOptions } from './core.ts';
import type { TestDatabase } from './databases.ts';
import { type FakeForge, type FakeForgeOptions, type FakeRepository, startFakeForge } from './fake-forge.ts';
